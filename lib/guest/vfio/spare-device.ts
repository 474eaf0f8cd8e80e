import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

/**
 * Prints the address of a device that nothing in the guest needs, bound to vfio-pci: not a bridge (class 06), without a driver or
 * bound already, and no other device of its IOMMU group with a driver of the host's. `$@`: devices that are not wanted.
 */
const script = `
for device in /sys/bus/pci/devices/*; do
  bdf=\${device##*/}
  case " $* " in *" $bdf "*) continue;; esac
  case $(cat "$device/class") in 0x06*) continue;; esac
  [ -e "$device/iommu_group" ] || continue
  free=yes
  for one in "$device"/iommu_group/devices/*; do
    case " $* " in *" \${one##*/} "*) free=no;; esac
    driver=$(readlink "$one/driver" || true)
    case "\${driver##*/}" in ''|vfio-pci|pcieport) ;; *) free=no;; esac
  done
  [ $free = yes ] || continue
  echo vfio-pci > "$device/driver_override"
  [ -e "$device/driver" ] || echo "$bdf" > /sys/bus/pci/drivers_probe
  [ -e "$device/driver" ] || continue
  echo "$bdf"
  exit 0
done
exit 3`;

/**
 * A further PCI device for VFIO, in an IOMMU group of its own: a group can be open in one process only, so each process that is to
 * have mappings at the same time needs one. The device need not be able to do anything.
 *
 * @param taken PCI addresses of devices in use
 * @throws InfrastructureError when the guest has none left
 */
export async function bindSpareDevice(guest: GuestShell, taken: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await guest.shell(script, {}, ...taken);
  if (exitCode === 0) return stdout.trim();
  throw new InfrastructureError(
    `The guest has no further PCI device for VFIO (besides ${taken.join(', ')}): one that has no driver, is no bridge and whose IOMMU ` +
      `group has no driver of the host's. Fork a process instead: a child shares its parent's device. ${stderr.trim().slice(0, 300)}`,
  );
}
