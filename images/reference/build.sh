#!/usr/bin/env bash
# Builds the reference guest from Debian packages: kernel, initramfs and keys, nothing else.
#
#   build.sh DEBS OUT
#
# DEBS holds the packages of packages.list, downloaded and verified. OUT must exist and be empty. The caller (lib/image, or
# the Dockerfile) decides where both lie, holds the lock and moves OUT into place when this script has ended with 0.
# Progress goes to stdout, a line per step. No root is needed and nothing is installed on the host.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
debs=$(cd "$1" && pwd)
out=$(cd "$2" && pwd)

step() { printf 'image: %s\n' "$*"; }

# kbuild refuses paths with spaces or colons, which the cache folder may have: the work is done elsewhere.
case "${TMPDIR:-/tmp}" in
*[!A-Za-z0-9/._-]*) work=$(mktemp -d /var/tmp/opentdx-image.XXXXXX) ;;
*) work=$(mktemp -d "${TMPDIR:-/tmp}/opentdx-image.XXXXXX") ;;
esac
trap 'rm -rf "$work"' EXIT
# For the compiler's temporary files and the steps' own: what is left when this script is killed lies in one place.
export TMPDIR=$work

mapfile -t images < <(find "$debs" -name 'linux-image-*.deb')
if [ "${#images[@]}" -ne 1 ]; then
    echo "image: $debs must hold exactly one linux-image package, found ${#images[@]}" >&2
    exit 1
fi
kernel_package=$work/kernel
step "unpack the kernel"
dpkg-deb -x "${images[0]}" "$kernel_package"
release=$(basename "$kernel_package"/lib/modules/*)

step "extract vmlinux $release (PVH boots it without the decompressor)"
"$here/extract-vmlinux.sh" "$kernel_package/boot/vmlinuz-$release" "$out/vmlinux"
cp "$kernel_package/boot/config-$release" "$out/config"
# PVH never turns five-level paging on; a machine that is to have it boots this one.
cp "$kernel_package/boot/vmlinuz-$release" "$out/bzImage"

step "unpack the kernel headers"
kdir=$("$here/kernel-headers.sh" "$debs" "$work/headers")

step "build the patched VFIO module"
source_package=$(find "$debs" -name 'linux-source-*.deb')
"$here/vfio/build.sh" "$source_package" "$kdir" "$work/vfio"

step "build the guest modules"
shopt -s nullglob
for module in "$here"/modules/*/; do
    name=$(basename "$module")
    cp -r "$module" "$work/$name"
    make -s -C "$work/$name" KDIR="$kdir" >"$work/$name.log" 2>&1 || {
        cat "$work/$name.log" >&2
        exit 1
    }
done

step "build the guest tools"
make -s -C "$here/tools" OUT="$work/tools"

step "lay out the root file system"
root=$work/root
mkdir -p "$root"/{bin,sbin,etc/dropbear,dev,proc,sys,tmp,run,var/log,root/.ssh,usr/bin,usr/sbin,usr/local/bin,lib64}
chmod 700 "$root/root" "$root/root/.ssh"
libraries=$work/libraries
for package in busybox-static dropbear-bin libc6 libcrypt1 libtomcrypt1 libtommath1 zlib1g libgmp10; do
    dpkg-deb -x "$(find "$debs" -name "${package}_*.deb")" "$libraries"
done
cp "$libraries/bin/busybox" "$root/bin/busybox"
"$libraries/bin/busybox" --list-full | while read -r applet; do
    mkdir -p "$root/$(dirname "$applet")"
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
done
ln -sf /bin/busybox "$root/init"
cp "$libraries/usr/sbin/dropbear" "$root/usr/sbin/"
"$here/copy-libraries.sh" "$libraries" "$root" "$root/usr/sbin/dropbear"
cp -r "$here/rootfs/." "$root/"
find "$work/tools" "$here/scripts" -maxdepth 1 -type f -exec install -m 755 -t "$root/usr/local/bin" {} +

step "choose the modules"
modules=$root/lib/modules/$release
"$here/copy-modules.sh" "$kernel_package" "$release" "$root" "$here/modules.list"
# Both drivers are in the guest: the stock one shows that the checks can fail.
stock=$modules/kernel/drivers/vfio/vfio_iommu_type1.ko
mkdir -p "$modules/stock" "$modules/extra"
mv "$stock" "$modules/stock/"
cp "$work/vfio/vfio_iommu_type1.ko" "$stock"
for module in "$here"/modules/*/; do
    cp "$work/$(basename "$module")"/*.ko "$modules/extra/"
done
# `stock` is not indexed: modprobe finds the patched driver only, insmod takes either.
mkdir -p "$root/etc/depmod.d"
echo 'search extra built-in' >"$root/etc/depmod.d/search.conf"
mv "$modules/stock" "$work/stock"
/sbin/depmod -b "$root" "$release"
mv "$work/stock" "$modules/stock"

step "generate the keys"
# RSA: an emulated guest verifies its signature 10 ms faster than one by Ed25519.
ssh-keygen -q -t rsa -b 2048 -N '' -C 'opentdx-e2e reference guest' -f "$out/id_rsa"
cp "$out/id_rsa.pub" "$root/root/.ssh/authorized_keys"
chmod 600 "$root/root/.ssh/authorized_keys"
"$libraries/lib64/ld-linux-x86-64.so.2" --library-path "$libraries/lib/x86_64-linux-gnu:$libraries/usr/lib/x86_64-linux-gnu" \
    "$libraries/usr/bin/dropbearkey" -t ed25519 -f "$root/etc/dropbear/host_key" >"$work/host_key.txt" 2>/dev/null
# The name in known_hosts is the alias that the harness gives to every guest (lib/guest/ssh): ports differ from run to run.
printf 'opentdx-guest %s\n' "$(grep -o 'ssh-ed25519 [^ ]*' "$work/host_key.txt")" >"$out/known_hosts"

step "pack the initramfs"
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$out/initrd"
printf '%s\n' "$release" >"$out/kernel-release"
step "done: kernel $release, initramfs $(($(stat -c %s "$out/initrd") / 1024)) KiB"
