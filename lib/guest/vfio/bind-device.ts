import type { GuestShell } from '../ssh/index.js';

/** Why a guest has no device that could be passed through, or which one it has. */
export type VfioDevice = { readonly device: string } | { readonly none: string };

/**
 * Binds the device and all of its IOMMU group to vfio-pci, whatever driver they had: a group goes to user mode as a whole. Prints
 * the reason where that is not possible. `$1`: its PCI address.
 */
const bind = `
device=/sys/bus/pci/devices/$1
[ -e "$device" ] || { echo "there is no PCI device $1 (lspci -D lists them)"; exit 3; }
[ -e "$device/iommu_group" ] || { echo "$1 is in no IOMMU group"; exit 3; }
for one in "$device"/iommu_group/devices/*; do
  case $(cat "$one/class") in 0x06*) continue;; esac
  bdf=\${one##*/}
  driver=$(readlink "$one/driver" || true)
  [ "\${driver##*/}" = vfio-pci ] && continue
  echo vfio-pci > "$one/driver_override"
  [ -z "$driver" ] || echo "$bdf" > "$one/driver/unbind"
  echo "$bdf" > /sys/bus/pci/drivers_probe
done
[ -e "$device/driver" ] || { echo "$1 was not taken by vfio-pci (dmesg says why)"; exit 3; }`;

/** Whether VFIO can work at all; prints the reason where it cannot. */
const ready = `
[ -n "$(ls /sys/class/iommu 2>/dev/null)" ] || { echo "it has no vIOMMU"; exit 3; }
[ -d /sys/bus/pci/drivers/vfio-pci ] || modprobe vfio-pci 2>/dev/null || { echo "its kernel has no vfio-pci (CONFIG_VFIO_PCI)"; exit 3; }
[ -c /dev/vfio/vfio ] || modprobe vfio_iommu_type1 2>/dev/null
[ -c /dev/vfio/vfio ] || { echo "its kernel has no VFIO container (CONFIG_VFIO_CONTAINER)"; exit 3; }`;

/** Devices of AMD that are no bridges: what the launch script passes to L1 with GPU set; displays first. */
const amd = `
for device in /sys/bus/pci/devices/*; do
  [ "$(cat "$device/vendor")" = 0x1002 ] || [ "$(cat "$device/vendor")" = 0x1022 ] || continue
  class=$(cat "$device/class")
  case $class in 0x06*) continue;; 0x03*) order=0;; *) order=1;; esac
  echo "$order \${device##*/}"
done | sort | cut -d' ' -f2`;

/** Why nothing can be passed through in this guest, if so. */
export async function vfioObstacle(guest: GuestShell): Promise<string | undefined> {
  const { exitCode, stdout } = await guest.shell(ready);
  return exitCode === 0 ? undefined : stdout.trim();
}

/** Gives a device to vfio-pci, with its IOMMU group. */
export async function bindDevice(guest: GuestShell, device: string): Promise<VfioDevice> {
  const { exitCode, stdout, stderr } = await guest.shell(bind, {}, device);
  return exitCode === 0 ? { device } : { none: (stdout.trim() || stderr.trim()).slice(0, 300) };
}

/** The first of AMD's devices, as open-tdx passes its GPU; undefined when there is none. */
export async function amdDevice(guest: GuestShell): Promise<string | undefined> {
  const { stdout } = await guest.shell(amd);
  return stdout.split('\n').find((line) => line !== '');
}
