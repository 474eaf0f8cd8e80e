#!/usr/bin/env bash
# Builds the EPT guest: the CD that Bochs boots, with a small kernel and an initramfs of our own.
#
#   build.sh KERNEL DEBS OUT
#
# Runs in the build root (lib/image/build-root). KERNEL is what images/small-kernel/build.sh -m made of kvm.config, DEBS holds the packages
# of images/packages/ept.list, and OUT must exist and be empty. Leaves OUT/boot.iso. Progress goes to stdout, a line per step.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernel=$(cd "$1" && pwd)
debs=$(cd "$2" && pwd)
out=$(cd "$3" && pwd)

step() { printf 'ept image: %s\n' "$*"; }

# The same place in every build, as compilers write it down.
work=${TMPDIR:-/tmp}/image
mkdir "$work"
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work

root=$work/root
mkdir -p "$root"/{bin,usr/local/bin,lib/modules}

step 'build the guest modules'
mkdir "$work/headers"
tar -C "$work/headers" -xf "$kernel/headers.tar"
# The second one breaks the kernel on request: what this guest reports is judged as any other's.
for module in "$here"/modules/*/ "$here/../reference/modules/kernel_reports/"; do
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
dpkg-deb -x "$(find "$debs" -name 'busybox-static_*.deb')" "$work/busybox"
cp "$work/busybox/bin/busybox" "$root/bin/"
cp "$here/rootfs/init" "$root/init"
chmod 755 "$root/init"
# Times would make two builds differ.
find "$root" -exec touch -h -d @0 {} +
disc=$work/disc
mkdir -p "$disc/isolinux"
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$disc/initrd"
cp "$kernel/bzImage" "$disc/"
find "$disc" -exec touch -h -d @0 {} +

step 'make the CD'
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$here/isolinux.cfg" "$disc/isolinux/"
xorriso -as mkisofs -quiet -o "$out/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$disc" >"$work/xorriso.log" 2>&1 || {
    cat "$work/xorriso.log" >&2
    exit 1
}
step "done: initramfs $(($(stat -c %s "$disc/initrd") / 1024)) KiB, CD $(($(stat -c %s "$out/boot.iso") / 1024)) KiB"
