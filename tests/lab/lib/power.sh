# shellcheck shell=bash
# Runs one machine until it powers off, in a mount namespace of its own (see supervise in hosts.sh).
set -euo pipefail

umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo $$ >"/sys/fs/cgroup/lab-$BRIDGE/$HOST/box/cgroup.procs"
mount -t overlay -o "lowerdir=$(cat "$FOLDER/lower"),upperdir=$FOLDER/up,workdir=$FOLDER/work" "lab-$HOST" "$FOLDER/root"

options=(--suppress-sync=yes)
read -ra own <"$FOLDER/nspawn" || true
# Sharing the machine's clock, a host must never get the right to set it: no capability beyond these.
SYSTEMD_NSPAWN_API_VFS_WRITABLE=network exec systemd-nspawn --quiet --boot --register=no --keep-unit --settings=no \
    --link-journal=no --directory="$FOLDER/root" --machine="$BRIDGE-$HOST" --hostname="$HOST" \
    --network-namespace-path="/run/netns/$BRIDGE-$HOST" --capability=CAP_NET_ADMIN,CAP_NET_RAW \
    --resolv-conf=off --timezone=off --console=pipe "${options[@]}" "${own[@]}"
