#!/usr/bin/env bash
# Builds the reference guest from Debian packages: kernel and initramfs, the same bytes on every host. The guest's keys, which are not, are
# the caller's (lib/image): it appends them to the initramfs as an archive of their own.
#
#   build.sh DEBS OUT
#
# Runs in the build root (lib/image/build-root). DEBS holds the packages of images/packages/reference.list, downloaded and verified. OUT must
# exist and be empty; the caller moves it into place when this script has ended with 0. Progress goes to stdout, a line per step.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
debs=$(cd "$1" && pwd)
out=$(cd "$2" && pwd)

step() { printf 'image: %s\n' "$*"; }

# The same place in every build, as compilers write it down.
work=${TMPDIR:-/tmp}/image
mkdir "$work"
vfio=
trap '[ -z "$vfio" ] || kill "$vfio" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
# For the compiler's temporary files and the steps' own: what is left when this script is killed lies in one place.
export TMPDIR=$work

mapfile -t images < <(find "$debs" -name 'linux-image-*.deb')
if [ "${#images[@]}" -ne 1 ]; then
    echo "image: $debs must hold exactly one linux-image package, found ${#images[@]}" >&2
    exit 1
fi
step "unpack the kernel headers"
kdir=$("$here/kernel-headers.sh" "$debs" "$work/headers")

# The longest step, beside the others.
step "build the patched VFIO module"
"$here/vfio/build.sh" "$(find "$debs" -name 'linux-source-*.deb')" "$kdir" "$work/vfio" >"$work/vfio.log" 2>&1 &
vfio=$!

kernel_package=$work/kernel
step "unpack the kernel"
dpkg-deb -x "${images[0]}" "$kernel_package"
release=$(basename "$kernel_package"/lib/modules/*)

step "extract vmlinux $release (PVH boots it without the decompressor)"
"$here/extract-vmlinux.sh" "$kernel_package/boot/vmlinuz-$release" "$out/vmlinux"
cp "$kernel_package/boot/config-$release" "$out/config"
# PVH never turns five-level paging on; a machine that is to have it boots this one.
cp "$kernel_package/boot/vmlinuz-$release" "$out/bzImage"

step "build the guest modules"
cp -r "$here/modules" "$work/modules"
(cd "$work/modules" && printf 'obj-m += %s\n' */) >"$work/modules/Kbuild"
make -s -j"$(nproc)" -C "$kdir" M="$work/modules" modules >"$work/modules.log" 2>&1 || {
    cat "$work/modules.log" >&2
    exit 1
}
strip --strip-debug "$work"/modules/*/*.ko

step "build the guest tools"
make -s -j"$(nproc)" -C "$here/tools" OUT="$work/tools"

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
    folder=$root/${applet%"${applet##*/}"}
    [ -d "$folder" ] || mkdir -p "$folder"
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
done
ln -sf /bin/busybox "$root/init"
cp "$libraries/usr/sbin/dropbear" "$root/usr/sbin/"
"$here/copy-libraries.sh" "$libraries" "$root" "$root/usr/sbin/dropbear"
cp -r "$here/rootfs/." "$root/"
find "$work/tools" "$here/scripts" -maxdepth 1 -type f -exec install -m 755 -t "$root/usr/local/bin" {} +

wait "$vfio" || {
    cat "$work/vfio.log" >&2
    exit 1
}
vfio=
cat "$work/vfio.log"

step "choose the modules"
modules=$root/lib/modules/$release
"$here/copy-modules.sh" "$kernel_package" "$release" "$root" "$here/modules.list"
# Both drivers are in the guest: the stock one shows that the checks can fail.
stock=$modules/kernel/drivers/vfio/vfio_iommu_type1.ko
mkdir -p "$modules/stock" "$modules/extra"
mv "$stock" "$modules/stock/"
cp "$work/vfio/vfio_iommu_type1.ko" "$stock"
cp "$work"/modules/*/*.ko "$modules/extra/"
# `stock` is not indexed: modprobe finds the patched driver only, insmod takes either.
mkdir -p "$root/etc/depmod.d"
echo 'search extra built-in' >"$root/etc/depmod.d/search.conf"
mv "$modules/stock" "$work/stock"
/sbin/depmod -b "$root" "$release"
mv "$work/stock" "$modules/stock"

step "pack the initramfs"
# Times would make two builds differ.
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$out/initrd"
printf '%s\n' "$release" >"$out/kernel-release"
step "done: kernel $release, initramfs $(($(stat -c %s "$out/initrd") / 1024)) KiB"
