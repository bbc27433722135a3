# shellcheck shell=bash
# Base systems and layers: read-only file systems that the hosts' disks lie upon, cached by what they are made of.

BASE_PACKAGES=systemd,systemd-sysv,dbus,python3,python3-apt,openssh-server,iproute2,iputils-ping,ca-certificates,sudo,procps,less
MASKED=(apt-daily.timer apt-daily-upgrade.timer fstrim.timer systemd-firstboot.service console-getty.service)

extra_certificates() { find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null | sort; }

# The mirrors that this machine's own apt uses, as sources for another suite.
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
    echo "deb $main $suite-updates main"
    [ -z "$security" ] || echo "deb $security $suite-security main"
}

base_path() { # base_path SUITE
    ssh_key
    echo "$CACHE/base-$1-$({
        echo "$1 $BASE_PACKAGES ${MASKED[*]}"
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
    sources_of "$suite" | mmdebstrap --quiet --variant=minbase --include="$BASE_PACKAGES" \
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
    local below
    if [ "$1" = none ]; then
        base_path trixie
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
    } | short_hash)"
}

# A tier's packages, unpacked once: hosts that start from the layer find them installed, but nothing enabled, as if
# the roles' own package tasks had just run on a host where the services are masked.
build_layer() { # build_layer LAYER
    local layer=$1 path new
    [ "$layer" != none ] || {
        locked base-trixie build_base trixie
        return
    }
    build_layer "$(topology layer-below "$layer")"
    locked "layer-$layer" build_layer_itself "$layer"
}

build_layer_itself() { # build_layer_itself LAYER
    local layer=$1 path new
    path=$(layer_path "$layer")
    [ -d "$path" ] && return
    say "building the layer $layer (once)"
    new=$path.new
    rm -rf "$new"
    mkdir -p "$new/up" "$new/work" "$new/root"
    LOWER=$(lower_of "$(topology layer-below "$layer")") NEW=$new PACKAGES=$(topology layer-packages "$layer") \
        unshare --mount --pid --fork --kill-child --propagation private bash "$HERE/lib/fill-layer.sh" \
        >"$path.log" 2>&1 || die "the layer $layer could not be built, see $path.log: $(tail -n 5 "$path.log")"
    mv "$new/up" "$path.up"
    rm -rf "$new"
    mv "$path.up" "$path"
}
