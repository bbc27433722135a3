# shellcheck shell=bash
# Base systems and layers: read-only file systems that the hosts' disks lie upon, cached by what they are made of.

BASE_PACKAGES=systemd,systemd-sysv,dbus,python3,python3-apt,openssh-server,iproute2,iputils-ping,ca-certificates,sudo,procps,less
# A legacy host has no Python of the lab's: what is there came with Odoo.
LEGACY_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,iproute2,iputils-ping,ca-certificates,procps,less
MASKED=(apt-daily.timer apt-daily-upgrade.timer fstrim.timer systemd-firstboot.service console-getty.service)

extra_certificates() { find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null | sort; }

base_packages() { # base_packages SUITE
    [ "$1" = bullseye ] && echo $LEGACY_PACKAGES || echo $BASE_PACKAGES
}

# The mirrors that this machine's own apt uses, as sources for another suite. Of bullseye only main: the mirrors'
# index of its security updates names packages that their pools no longer have.
sources_of() {
    local suite=$1 main security
    # shellcheck disable=SC2016 # apt-get expands it
    main=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 !~ /security/ { print $1; exit }')
    # shellcheck disable=SC2016
    security=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '/security/ { print $1; exit }')
    [ -n "$main" ] || die "apt on this machine has no source for Debian's packages"
    echo "deb $main $suite main"
    [ "$suite" != bullseye ] || return 0
    echo "deb $main $suite-updates main"
    [ -z "$security" ] || echo "deb $security $suite-security main"
}

base_path() { # base_path SUITE
    ssh_key
    echo "$CACHE/base-$1-$({
        echo "$1 $(base_packages "$1") ${MASKED[*]}"
        cat "$KEY.pub"
        (cd "$HERE/system" && find . -type f | sort | xargs cat)
        extra_certificates | xargs -r cat
        cat /etc/pip.conf 2>/dev/null
    } | short_hash)"
}

build_base() { # build_base SUITE
    local suite=$1 base new certificate
    base=$(base_path "$suite")
    [ -d "$base" ] && return
    say "building the base system $suite (once, about a minute)"
    new=$base.new
    rm -rf "$new"
    sources_of "$suite" | mmdebstrap --quiet --variant=minbase --include="$(base_packages "$suite")" \
        --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io "$suite" "$new" -
    cp -r --no-preserve=ownership "$HERE/system/." "$new/"
    mkdir -p "$new/etc/systemd/system/sysinit.target.wants"
    ln -sf ../lab-sysctl.service "$new/etc/systemd/system/sysinit.target.wants/lab-sysctl.service"
    for unit in "${MASKED[@]}"; do ln -sf /dev/null "$new/etc/systemd/system/$unit"; done
    install -d -m 700 "$new/root/.ssh"
    install -m 600 "$KEY.pub" "$new/root/.ssh/authorized_keys"
    cp -L /etc/resolv.conf "$new/etc/resolv.conf"
    rm -f "$new/etc/hostname"
    for certificate in $(extra_certificates); do cp "$certificate" "$new/usr/local/share/ca-certificates/"; done
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$new/etc/pip.conf" # its registry is whatever this machine's is
    chroot "$new" update-ca-certificates >/dev/null 2>&1
    chroot "$new" apt-get -qq update
    mv "$new" "$base"
}

# What a layer lies on, top first, separated by colons: the form that overlayfs wants.
lower_of() { # lower_of LAYER
    local below suite
    suite=$(topology suite "$1")
    if [ -n "$suite" ]; then
        base_path "$suite"
        return
    fi
    below=$(topology layer-below "$1")
    echo "$(layer_path "$1"):$(lower_of "$below")"
}

layer_path() { # layer_path LAYER
    local below
    below=$(topology layer-below "$1")
    echo "$CACHE/layer-$1-$({
        lower_of "$below"
        topology layer-packages "$1"
        cat "$HERE/lib/fill-layer.sh"
        fixture_sources "$(topology layer-fixture "$1")"
    } | short_hash)"
}

# What a layer's fixture is made of: its folder, what the fixtures beside it share, and what runs it.
fixture_sources() { # fixture_sources FOLDER
    [ -n "$1" ] || return 0
    cat "$HERE/lib/fill-fixture.sh" "$HERE/${1%/*}/common.sh"
    (cd "$HERE/$1" && find . -type f | sort | while read -r file; do echo "$file" && cat "$file"; done)
}

# A tier's packages, unpacked once: hosts that start from the layer find them installed, but nothing enabled, as if
# the roles' own package tasks had just run on a host where the services are masked.
build_layer() { # build_layer LAYER
    local layer=$1 suite
    suite=$(topology suite "$layer")
    [ -z "$suite" ] || {
        locked "base-$suite" build_base "$suite"
        return
    }
    build_layer "$(topology layer-below "$layer")"
    locked "layer-$layer" build_layer_itself "$layer"
}

build_layer_itself() { # build_layer_itself LAYER
    local layer=$1 path new fixture
    path=$(layer_path "$layer")
    fixture=$(topology layer-fixture "$layer")
    [ -d "$path" ] && return
    say "building the layer $layer (once)"
    new=$path.new
    rm -rf "$new"
    mkdir -p "$new/up" "$new/work" "$new/root"
    LOWER=$(lower_of "$(topology layer-below "$layer")") NEW=$new PACKAGES=$(topology layer-packages "$layer") \
        unshare --mount --pid --fork --kill-child --propagation private bash "$HERE/lib/fill-layer.sh" \
        >"$path.log" 2>&1 || die "the layer $layer could not be built, see $path.log: $(tail -n 5 "$path.log")"
    [ -z "$fixture" ] || LOWER=$(lower_of "$(topology layer-below "$layer")") NEW=$new FIXTURE=$HERE/$fixture \
        unshare --mount --pid --fork --kill-child --propagation private bash "$HERE/lib/fill-fixture.sh" \
        >>"$path.log" 2>&1 || die "the fixture of layer $layer failed, see $path.log: $(tail -n 5 "$path.log")"
    mv "$new/up" "$path.up"
    rm -rf "$new"
    mv "$path.up" "$path"
}
