#!/usr/bin/env bash
# Builds L1 of a stand-in checkout: a raw disk with a Debian userland and OpenSSH, an initramfs, and the key for root.
#
#   build.sh DEBS REFERENCE KEYS OUT
#
# Runs in the build root (lib/image/build-root), images/reference beside its own folder. DEBS holds the packages of
# images/packages/stand-in.list. REFERENCE is a built reference guest: its kernel modules, the patched VFIO driver among them, go into
# the disk. KEYS holds l1.id_rsa and ssh_host_ed25519_key, each with its public half. OUT must exist and be empty; the caller
# (l1-image.ts) moves it into place when this script has ended with 0.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipes=$here/../reference
debs=$(cd "$1" && pwd)
reference=$(cd "$2" && pwd)
keys=$(cd "$3" && pwd)
out=$(cd "$4" && pwd)
readonly disk_size=512M

step() { printf 'stand-in: %s\n' "$*"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
root=$work/root
initramfs=$work/initramfs
kernel=$work/kernel
guest=$work/guest
mkdir "$root" "$initramfs" "$guest"

step "unpack Debian's packages"
# Debian's programs find their libraries through these links (usrmerge).
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
for deb in "$debs"/*.deb; do
    case "${deb##*/}" in
    linux-image-*) dpkg-deb -x "$deb" "$kernel" ;;
    # tar's --keep-directory-symlink: a package's ./bin must not replace the link.
    *) dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$root" ;;
    esac
done
rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bash-completion,bug,zoneinfo}
mkdir -p "$root"/{dev,proc,sys,tmp,run,mnt,root/.ssh,var/log,var/empty,etc/ssh,etc/depmod.d}
chmod 700 "$root/root" "$root/root/.ssh"
chmod 1777 "$root/tmp"
cp -r "$here/rootfs/." "$root/"
chmod 600 "$root/etc/shadow"
ln -sfn ../bin/busybox "$root/usr/sbin/init"
mkdir "$root/usr/lib/busybox"
"$root/bin/busybox" --list | while read -r applet; do ln -s ../../bin/busybox "$root/usr/lib/busybox/$applet"; done

step "choose the kernel modules"
release=$(basename "$kernel"/lib/modules/*)
(cd "$guest" && cpio --extract --make-directories --quiet --no-absolute-filenames 'lib/modules/*' <"$reference/initrd")
if [ ! -d "$guest/lib/modules/$release" ]; then
    echo "stand-in: the reference guest in $reference is not of kernel $release" >&2
    exit 1
fi
modules=$root/lib/modules/$release
"$recipes/copy-modules.sh" "$kernel" "$release" "$root" "$here/modules.list"
cp "$guest/lib/modules/$release/kernel/drivers/vfio/vfio_iommu_type1.ko" "$modules/kernel/drivers/vfio/"
mkdir -p "$modules/extra"
cp "$guest/lib/modules/$release/extra/"*.ko "$modules/extra/"
echo 'search extra built-in' >"$root/etc/depmod.d/search.conf"
/sbin/depmod -b "$root" "$release"

step "install the keys"
install -m 600 "$keys/l1.id_rsa" "$keys/l1.id_rsa.pub" "$out/"
install -m 600 "$out/l1.id_rsa.pub" "$root/root/.ssh/authorized_keys"
install -m 600 "$keys/ssh_host_ed25519_key" "$keys/ssh_host_ed25519_key.pub" "$root/etc/ssh/"

step "make the disk"
truncate -s "$disk_size" "$out/l1.img"
mke2fs -q -t ext4 -L l1 -E lazy_itable_init=1,root_owner=0:0 -d "$root" "$out/l1.img"

step "pack the initramfs"
mkdir -p "$initramfs"/{bin,dev,proc,sys,newroot,lib}
cp "$root/bin/busybox" "$initramfs/bin/"
"$initramfs/bin/busybox" --list | while read -r applet; do
    [ -e "$initramfs/bin/$applet" ] || ln -s busybox "$initramfs/bin/$applet"
done
sed -n '/^# disk$/,/^$/p' "$here/modules.list" >"$work/disk-modules.list"
"$recipes/copy-modules.sh" "$kernel" "$release" "$initramfs" "$work/disk-modules.list"
grep -v '^#' "$work/disk-modules.list" >"$initramfs/disk-modules"
/sbin/depmod -b "$initramfs" "$release"
install -m 755 "$here/initramfs-init" "$initramfs/init"
(cd "$initramfs" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --format=newc --owner=0:0 --quiet) >"$out/initrd.img-l1"

step "done: disk $(du -k "$out/l1.img" | cut -f1) KiB, initramfs $(($(stat -c %s "$out/initrd.img-l1") / 1024)) KiB"
