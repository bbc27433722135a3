# shellcheck shell=bash
# Hosts: systemd machines, each with an overlay disk, a network namespace and a pure cgroup tree of its own.

hosts() {
    local folder
    for folder in "$LAB"/hosts/*/; do basename "$folder"; done
}

address_of() { cat "$LAB/hosts/$1/address" 2>/dev/null || die "lab $LAB_NAME has no host $1"; }

# Under it, wrap holds the supervisor of the machine, box the machine itself.
cgroup_of() { echo "$CGROUPS/lab-$BRIDGE/$1"; }

leader_of() { # the machine's first process, as this machine sees it
    local leader=
    read -r leader 2>/dev/null <"$(cgroup_of "$1")/box/payload/init.scope/cgroup.procs" || true
    [ -n "$leader" ] && echo "$leader"
}

running() { leader_of "$1" >/dev/null; }

each() { # each FUNCTION [HOST…]: on all of them at once; fails if one fails
    local host function=$1 jobs=() status=0
    shift
    # shellcheck disable=SC2046
    [ $# -gt 0 ] || set -- $(hosts)
    for host; do address_of "$host" >/dev/null; done
    for host; do
        "$function" "$host" &
        jobs+=($!)
    done
    for host in "${jobs[@]}"; do wait "$host" || status=1; done
    return $status
}

# What a host that runs containers needs: a folder for /var/lib/containers that is no overlay (an overlay cannot lie on
# another), real fsync (without it, opening with O_SYNC fails), and the system calls that crun uses.
nspawn_options() { # nspawn_options HOST CONTAINERS
    local folder=$LAB/hosts/$1
    [ "$2" = true ] || return 0
    mkdir -p "$folder/containers"
    echo "--suppress-sync=no --bind=$folder/containers:/var/lib/containers --bind-ro=$(image_store):/srv/images" \
        "--system-call-filter=@keyring --system-call-filter=bpf"
}

create() { # create HOST OCTET LAYER CONTAINERS [OPTION…]: makes it, or brings an existing one to what is declared
    local host=$1 octet=$2 layer=$3 containers=$4 folder=$LAB/hosts/$1 lower options
    shift 4
    lower=$(lower_of "$layer")
    if [ -e "$folder/lower" ] && [ "$(cat "$folder/address")" != "$NET.$octet" ]; then destroy "$host"; fi
    if [ -e "$folder/lower" ] && ! lower_exists "$(cat "$folder/lower")"; then destroy "$host"; fi
    mkdir -p "$folder"
    options="$(nspawn_options "$host" "$containers") $*"
    if [ -e "$folder/nspawn" ] && [ "$(cat "$folder/nspawn")" != "$options" ] && running "$host"; then stop "$host"; fi
    echo "$NET.$octet" >"$folder/address"
    echo "$options" >"$folder/nspawn"
    [ -e "$folder/lower" ] || echo "$lower" >"$folder/lower"
}

lower_exists() {
    local part
    for part in ${1//:/ }; do [ -d "$part" ] || return 1; done
}

disk() { # an empty writable layer; the old one is removed in the background
    local host=$1 folder=$LAB/hosts/$1 old=$LAB/.old-$1-$$
    if [ -d "$folder/up" ]; then
        mkdir -p "$old"
        mv "$folder/up" "$old/"
        if [ -d "$folder/containers" ]; then mv "$folder/containers" "$old/" && mkdir "$folder/containers"; fi
        (setsid rm -rf "$old" >/dev/null 2>&1 &)
    fi
    rm -rf "$folder/up.new"
    mkdir -p "$folder/up.new/etc" "$folder/root"
    echo "$host" >"$folder/up.new/etc/hostname"
    printf 'lab-%s-%s' "$BRIDGE" "$host" | md5sum | cut -c1-32 >"$folder/up.new/etc/machine-id"
    hosts_file >"$folder/up.new/etc/hosts"
    mv "$folder/up.new" "$folder/up"
}

hosts_file() {
    local host
    echo "127.0.0.1 localhost"
    echo "$NET.1 registry.lab"
    for host in $(hosts); do echo "$(address_of "$host") $host"; done
}

boot() {
    local host=$1 group level controller controllers
    running "$host" && return
    halt "$host" # what a crash may have left
    group=$(cgroup_of "$host")
    mkdir -p "$group/wrap" "$group/box"
    for level in "${group%/*}" "$group"; do
        read -ra controllers <"$level/cgroup.controllers" || true
        for controller in "${controllers[@]}"; do
            echo "+$controller" >"$level/cgroup.subtree_control" 2>/dev/null || true
        done
    done
    [ -d "$LAB/hosts/$host/up" ] || disk "$host"
    setsid "$HERE/lab" _supervise "$host" </dev/null >>"$LAB/hosts/$host/console.log" 2>&1 8>&- 9>&- &
}

# The machine's power supply. Its mounts are private and its cgroup tree pure, so however it dies, nothing stays.
supervise() {
    local host=$1 folder=$LAB/hosts/$1 status=133
    echo $$ >"$(cgroup_of "$host")/wrap/cgroup.procs"
    while [ $status = 133 ]; do # 133: a reboot was asked for inside
        status=0
        plug "$host"
        rm -rf "$folder/work"
        mkdir "$folder/work"
        FOLDER=$folder HOST=$host BRIDGE=$BRIDGE unshare --mount --propagation slave bash "$HERE/lib/power.sh" || status=$?
    done
}

wait_up() { # until sshd answers and systemd has finished starting
    local host=$1 address leader state deadline=$((SECONDS + TIMEOUT))
    address=$(address_of "$host")
    until leader=$(leader_of "$host") && (exec 3<>"/dev/tcp/$address/22") 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || die "$host: no sshd on $address in ${TIMEOUT}s, see $LAB/hosts/$host/console.log"
        sleep 0.05
    done
    [ "${LAB_WAIT:-}" != ssh ] || return 0
    state=$(timeout "$TIMEOUT" nsenter -t "$leader" -a systemctl is-system-running --wait) ||
        say "$host is up, but ${state:-starting}"
}

halt() { # the power cord: the cable out first (no goodbye on the network), then SIGKILL to everything; the disk stays
    local group
    group=$(cgroup_of "$1")
    unplug "$1"
    [ -d "$group" ] || return 0
    echo 1 >"$group/cgroup.kill"
    while grep -q 'populated 1' "$group/cgroup.events"; do sleep 0.01; done
    find "$group" -depth -type d -exec rmdir {} +
    rm -rf /run/systemd/nspawn/{propagate,unix-export}/"$BRIDGE-$1"
}

stop() {
    local leader deadline=$((SECONDS + TIMEOUT))
    if leader=$(leader_of "$1"); then
        kill -s RTMIN+4 "$leader"
        while [ -d "/proc/$leader" ] && [ $SECONDS -lt $deadline ]; do sleep 0.02; done
    fi
    halt "$1"
}

destroy() {
    halt "$1"
    rm -rf "$LAB/hosts/$1"
}

start() {
    local host
    # shellcheck disable=SC2046
    [ $# -gt 0 ] || set -- $(hosts)
    for host; do boot "$host"; done
    each wait_up "$@"
}
