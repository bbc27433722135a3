# shellcheck shell=bash
# Container images for hosts that run containers: one read-only store for all of them, and a registry.

image_store() { # the store that this lab's hosts mount: what `lab images` chose, or an empty one
    local store=$CACHE/store-empty
    [ ! -e "$LAB/store" ] || store=$(cat "$LAB/store")
    [ -d "$store" ] || mkdir -p "$store"
    echo "$store"
}

# images REFERENCE=LAYOUT…: a store that holds the images of these OCI layouts under these references, each
# registry/name@sha256:…; loaded once, then shared. Loading 1.8 GB into each host takes 45 s a host.
images() {
    local store
    [ $# -gt 0 ] || die "images wants REFERENCE=LAYOUT, for instance registry.lab/odoo@sha256:…=/path/to/layout"
    store=$CACHE/store-$(printf '%s\n' "${@%%=*}" | sort | short_hash)
    locked store load_store "$store" "$@"
    locked "lab-$LAB_NAME" choose_store "$store"
    echo "$store"
}

choose_store() { # choose_store STORE: this lab's hosts mount it from their next boot on
    mkdir -p "$LAB"
    echo "$1" >"$LAB/store.new"
    mv "$LAB/store.new" "$LAB/store"
}

load_store() { # load_store STORE REFERENCE=LAYOUT…
    local store=$1 image run
    shift
    [ -d "$store" ] && return
    discard_store "$store.new"
    mkdir -p "$store.new"
    run=$(mktemp -d)
    for image; do
        say "loading ${image%%=*} into the shared image store (once)"
        skopeo copy --quiet --preserve-digests "oci:${image#*=}" \
            "containers-storage:[overlay@$store.new+$run]${image%%=*}"
    done
    rm -rf "$run"
    unmount_store "$store.new"
    mv "$store.new" "$store"
}

# Whatever writes a container store leaves a mount of its folder upon itself.
unmount_store() {
    while mountpoint -q "$1/overlay"; do umount -l "$1/overlay"; done
}

discard_store() {
    unmount_store "$1"
    rm -rf "$1"
}

# Debian's image registry on the lab's own address, plain HTTP on port 5000 (named registry.lab on the hosts). It lives
# in the lab's cgroup, so `down` ends it.
registry() {
    local group=$CGROUPS/lab-$BRIDGE/registry data=$LAB/registry
    network_up
    if grep -qs 'populated 1' "$group/cgroup.events"; then return; fi
    mkdir -p "$group" "$data/blobs"
    cat >"$data/config.yml" <<END
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $data/blobs}
  delete: {enabled: true}
http: {addr: "$NET.1:5000"}
END
    (
        echo $BASHPID >"$group/cgroup.procs"
        exec setsid docker-registry serve "$data/config.yml" </dev/null >"$data/log" 2>&1 8>&- 9>&-
    ) &
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/$NET.1/5000") 2>/dev/null && return
        sleep 0.1
    done
    die "the registry does not answer on $NET.1:5000, see $data/log"
}

registry_down() {
    local group=$CGROUPS/lab-$BRIDGE/registry
    [ -d "$group" ] || return 0
    echo 1 >"$group/cgroup.kill"
    while grep -q 'populated 1' "$group/cgroup.events"; do sleep 0.01; done
    rmdir "$group"
    rm -rf "$LAB/registry"
}
