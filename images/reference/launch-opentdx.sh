#!/usr/bin/env bash
# Launches the reference L1 with the command line, environment and ports of open-tdx's script of the same name, on the
# distribution's QEMU and with no special hardware. Runs in the foreground: serial console on stdout, QEMU in this process.
#
# Unlike open-tdx's script it binds every port to 127.0.0.1, needs no root, has a vIOMMU and a PCI device to pass through
# whether or not GPU is set, and starts two vCPUs unless told otherwise.
set -euo pipefail

mem=1g
smp=2
ssh_port=10032
debug_port=1234

usage() {
    cat <<EOF
Usage: ${0##*/} [-m mem=$mem] [-s smp=$smp] [-p ssh_port=$ssh_port] [-d debug_port=$debug_port]

Ports, all on 127.0.0.1:
  ssh_port          ssh to L1           ssh_port + 1      ssh to L2 (L1 port 10032)
  debug_port        gdb stub (DEBUG)    debug_port + 1    gdb of L2 (L1 port 1234)
  debug_port + 100  QEMU monitor

Environment:
  DEBUG          non-empty: gdb stub on debug_port, and the VM starts stopped
  GPU            accepted as open-tdx's script does; the device to pass through is there either way
  E2E_IMAGE      folder with vmlinux and initrd (default: what 'npm run image' built last)
  E2E_KERNEL     kernel to boot in place of the image's: an ELF vmlinux with a PVH entry, or a bzImage
  E2E_INITRD     initramfs in place of the image's
  E2E_APPEND     more kernel parameters
  E2E_QEMU       QEMU to run (default: qemu-system-x86_64)
  E2E_ACCEL      tcg (default) or kvm
  E2E_CPU        -cpu argument (default: max,la57=off under tcg, host under kvm)
  E2E_DEVICE     -device argument of the PCI device to pass through (default: e1000 without a network)
  E2E_DEVICES    further -device arguments, one a line
  E2E_RAM_FILE   file that holds the guest's RAM; E2E_RAM_SHARE=on writes through to it, off (default) copies on write
  E2E_INCOMING   non-empty: wait for a migration stream ('migrate_incoming' in the monitor) instead of booting
EOF
    exit 1
}

while getopts 'm:s:p:d:h' option; do
    case "$option" in
    m) mem=$OPTARG ;;
    s) smp=$OPTARG ;;
    p) ssh_port=$OPTARG ;;
    d) debug_port=$OPTARG ;;
    *) usage ;;
    esac
done

cache=${E2E_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME-}/.cache}/opentdx-e2e}
image=${E2E_IMAGE:-$cache/reference/current}
kernel=${E2E_KERNEL:-$image/vmlinux}
initrd=${E2E_INITRD:-$image/initrd}
accel=${E2E_ACCEL:-tcg}
for file in "$kernel" "$initrd"; do
    if [ ! -r "$file" ]; then
        echo "${0##*/}: $file: no such file; 'npm run image' builds the guest, E2E_IMAGE names the folder of another" >&2
        exit 1
    fi
done

append="console=ttyS0 earlyprintk=serial net.ifnames=0 nohibernate intel_iommu=on iommu=nopt"
# The kernel counts timer ticks against a delay loop and panics when too few came: on a busy host that is TCG's fault, not the
# timer's. (Under KVM the kernel leaves the check out by itself, arch/x86/kernel/kvmclock.c.)
append+=" no_timer_check"
# Code that runs for the first time is slow under TCG: what no spec needs, hooks of security modules and IPv6, is left out.
append+=" lsm=capability ipv6.disable=1"
append+=" log_buf_len=16M e2e.vfio=0000:00:05.0 ${E2E_APPEND:-}"

case "$accel" in
kvm) cpu=${E2E_CPU:-host} ;;
tcg) cpu=${E2E_CPU:-max,la57=off} ;;
*)
    echo "${0##*/}: E2E_ACCEL=$accel: must be tcg or kvm" >&2
    exit 1
    ;;
esac
accel_argument=$accel
[ "$accel" = kvm ] || accel_argument=tcg,thread=multi

# guest_announce: a restored guest has nobody to tell that it moved, and telling costs it 10 ms under TCG.
# restrict: the guest is reached, and reaches nothing, neither the host nor what the host can connect to.
network="user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:$ssh_port-:22,hostfwd=tcp:127.0.0.1:$((ssh_port + 1))-:10032"
network+=",hostfwd=tcp:127.0.0.1:$((debug_port + 1))-:1234"

arguments=(
    -name opentdx-e2e-reference
    -nodefaults -no-user-config
    -accel "$accel_argument"
    -cpu "$cpu"
    -machine "q35,kernel-irqchip=split"
    -m "$mem" -smp "$smp"
    # First in line: an IOMMU that is made after a device does not translate for it.
    -device "intel-iommu,intremap=on,caching-mode=on"
    -kernel "$kernel" -initrd "$initrd" -append "$append"
    # packed: QEMU 10.0.13 makes split rings of several pages. Behind an IOMMU it loses what crosses a page of them, and
    # a restored machine's network stops for good ("Guest moved used index").
    -netdev "$network"
    -device "virtio-net-pci,netdev=net0,romfile=,disable-legacy=on,iommu_platform=on,packed=on,guest_announce=off"
    -device "${E2E_DEVICE:-e1000,romfile=},addr=05.0"
    # Two clones of one snapshot must not share entropy: this tells the guest's kernel that it was cloned.
    -device "vmgenid,guid=auto"
    -display none
    -serial stdio
    -monitor "tcp:127.0.0.1:$((debug_port + 100)),server,nowait"
)

if [ -n "${E2E_RAM_FILE:-}" ]; then
    # QEMU reads ',' as the end of a value and ',,' as a comma.
    arguments+=(
        -object "memory-backend-file,id=ram,size=$mem,mem-path=${E2E_RAM_FILE//,/,,},share=${E2E_RAM_SHARE:-off}"
        -machine "memory-backend=ram"
    )
fi
if [ -n "${E2E_DEVICES:-}" ]; then
    while IFS= read -r device; do
        arguments+=(-device "$device")
    done <<<"$E2E_DEVICES"
fi
[ -z "${E2E_INCOMING:-}" ] || arguments+=(-incoming defer)
[ -z "${DEBUG:-}" ] || arguments+=(-S -gdb "tcp:127.0.0.1:$debug_port")

exec "${E2E_QEMU:-qemu-system-x86_64}" "${arguments[@]}" </dev/null
