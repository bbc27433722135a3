# shellcheck shell=bash
# Runs FIXTURE/fill inside a layer: LOWER with NEW/up over it. Mounts, processes and network are its own, so that a
# killed build leaves nothing behind and a database server inside meets none outside.
set -euo pipefail

root=$NEW/root
rm -rf "$NEW/work"
mkdir -p "$NEW/work" "$root"
mount -t overlay -o "lowerdir=$LOWER,upperdir=$NEW/up,workdir=$NEW/work" layer "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/mnt"
mkdir "$root/mnt/fixture"
mount --bind "$FIXTURE/.." "$root/mnt/fixture"
mount -o remount,bind,ro "$root/mnt/fixture"

unshare --net chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
    bash "/mnt/fixture/${FIXTURE##*/}/fill"
umount -R "$root"
