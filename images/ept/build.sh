#!/usr/bin/env bash
# Builds the EPT guest: the CD that Bochs boots, with a small kernel and an initramfs of our own.
#
#   build.sh KERNEL OUT BUSYBOX
#
# KERNEL is what images/small-kernel/build.sh -m made of kvm.config, BUSYBOX the package busybox-static, and OUT must exist and be empty. Leaves OUT/boot.iso. Progress goes to stdout, a line per step. No root is needed and nothing is installed on the host.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernel=$(cd "$1" && pwd)
out=$(cd "$2" && pwd)
busybox=$(realpath "$3")

step() { printf 'ept image: %s\n' "$*"; }

# kbuild refuses paths with spaces or colons, which the cache folder may have: the work is done elsewhere.
case "${TMPDIR:-/tmp}" in
*[!A-Za-z0-9/._-]*) work=$(mktemp -d /var/tmp/ept-image.XXXXXX) ;;
*) work=$(mktemp -d "${TMPDIR:-/tmp}/ept-image.XXXXXX") ;;
esac
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work

root=$work/root
mkdir -p "$root"/{bin,usr/local/bin,lib/modules}

step 'build the guest modules'
mkdir "$work/headers"
tar -C "$work/headers" -xf "$kernel/headers.tar"
for module in "$here"/modules/*/; do
    name=$(basename "$module")
    cp -r "$module" "$work/$name"
    make -s -C "$work/headers/build" M="$work/$name" modules >"$work/$name.log" 2>&1 || {
        cat "$work/$name.log" >&2
        exit 1
    }
    cp "$work/$name"/*.ko "$root/lib/modules/"
done
cp "$kernel"/modules/*.ko "$root/lib/modules/"
# A CD that is read a byte at a time: what nobody debugs stays out.
strip --strip-debug "$root"/lib/modules/*.ko

step 'build the guest tools'
make -s -C "$here/agent" OUT="$work/agent"
make -s -C "$here/../l2" OUT="$work/l2"
cp "$work/agent/serial-agent" "$work/l2/l2-host" "$root/usr/local/bin/"

step 'pack the initramfs'
dpkg-deb -x "$busybox" "$work/busybox"
cp "$work/busybox/bin/busybox" "$root/bin/"
cp "$here/rootfs/init" "$root/init"
chmod 755 "$root/init"
disc=$work/disc
mkdir -p "$disc/isolinux"
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$disc/initrd"
cp "$kernel/bzImage" "$disc/"

step 'make the CD'
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$here/isolinux.cfg" "$disc/isolinux/"
xorriso -as mkisofs -quiet -o "$out/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$disc" >"$work/xorriso.log" 2>&1 || {
    cat "$work/xorriso.log" >&2
    exit 1
}
step "done: initramfs $(($(stat -c %s "$disc/initrd") / 1024)) KiB, CD $(($(stat -c %s "$out/boot.iso") / 1024)) KiB"
