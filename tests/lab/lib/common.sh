# shellcheck shell=bash
# Settings and small tools that every part of the lab shares.
# shellcheck disable=SC2034 # the other parts use what this one sets

CACHE=${ERPOPS_CACHE:-/var/cache/erpops} # what is dear to build and safe to delete
LAB_NAME=${LAB_NAME:-quickstart}
LAB=${LAB_DIR:-$CACHE/labs/$LAB_NAME}    # one lab: its hosts' disks, its settings, its inventory
TIMEOUT=${LAB_TIMEOUT:-180}              # seconds until a booting host must answer
KEY=$CACHE/ssh/id_ed25519                # the key that every host of every lab trusts
CGROUPS=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)

die() {
    echo "lab: $*" >&2
    exit 1
}

say() { echo "lab: $*" >&2; }

short_hash() { sha256sum | cut -c1-12; }

# locked NAME COMMAND…: one at a time on this machine, so that two runs never build the same thing.
locked() {
    local name=$1
    shift
    mkdir -p "$CACHE/locks"
    (
        flock 9
        "$@"
    ) 9>"$CACHE/locks/$name"
}

# The lab's network and bridge are decided once, when it is first brought up; later verbs read them back.
load_settings() {
    NET='' BRIDGE=''
    # shellcheck source=/dev/null
    [ ! -e "$LAB/settings" ] || . "$LAB/settings"
    NET=${LAB_NET:-$NET}
    BRIDGE=${LAB_BRIDGE:-$BRIDGE}
}

save_settings() {
    [ ${#BRIDGE} -le 9 ] || die "bridge $BRIDGE: its name may have 9 letters at most, since the cables' names begin with it"
    mkdir -p "$LAB"
    printf 'NET=%s\nBRIDGE=%s\n' "$NET" "$BRIDGE" >"$LAB/settings.new"
    mv "$LAB/settings.new" "$LAB/settings"
}

ssh_key() {
    [ -e "$KEY" ] && return
    mkdir -p "${KEY%/*}"
    chmod 700 "${KEY%/*}"
    rm -f "$KEY.new" "$KEY.new.pub"
    ssh-keygen -q -t ed25519 -N '' -C lab -f "$KEY.new"
    mv "$KEY.new.pub" "$KEY.pub"
    mv "$KEY.new" "$KEY"
}

topology() { /usr/bin/python3 "$HERE/topology.py" "$@"; }
