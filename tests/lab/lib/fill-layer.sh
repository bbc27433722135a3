# shellcheck shell=bash
# Fills a layer: installs PACKAGES over LOWER into NEW/up. It runs in mount and process namespaces of its own, so that
# a killed build leaves neither mounts nor processes behind.
set -euo pipefail

root=$NEW/root
mount -t overlay -o "lowerdir=$LOWER,upperdir=$NEW/up,workdir=$NEW/work" layer "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"

printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # packages start no service
chmod 755 "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/etc/postgresql-common/createcluster.d"
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/lab.conf"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$root" apt-get -q update
# shellcheck disable=SC2086
[ -z "$PACKAGES" ] || chroot "$root" apt-get -qy -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends $PACKAGES

# No service that a package enabled stays enabled: what runs on a host is what a role has asked for. Timers stay, as
# they would on any host.
enabled=$NEW/up/etc/systemd/system
if [ -d "$enabled" ]; then
    find "$enabled" -mindepth 2 -type l -path '*.wants/*' ! -name '*.timer' -printf '%P\n' |
        while read -r link; do rm -f "$root/etc/systemd/system/$link"; done
fi

rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/postgresql-common/createcluster.d/lab.conf"
rmdir --ignore-fail-on-non-empty "$root/etc/postgresql-common/createcluster.d" "$root/etc/postgresql-common" 2>/dev/null || true
chroot "$root" apt-get -q clean
rm -rf "$root/var/log/apt" "$root/var/log/dpkg.log"
umount -R "$root"
