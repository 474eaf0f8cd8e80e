/** Where QEMU's isa-debug-exit device sits, and what the guest writes there. */
export const exitPort = 0xf4;
const exitValue = 0x31;

/** isa-debug-exit ends QEMU with (value << 1) | 1, which differs from QEMU's own exit codes 0 and 1. */
export const ranToItsEnd = (exitValue << 1) | 1;

/** SeaBIOS does not boot from a disk of a single sector: it reads none of it. */
const diskBytes = 1 << 20;

/**
 * A disk whose boot sector says through isa-debug-exit that it ran. The firmware runs before it and is the better part of the
 * proof: on hosts where a guest hangs, a few instructions in real mode were seen to work and the firmware was not.
 */
export function bootDisk(): Uint8Array {
  const disk = new Uint8Array(diskBytes);
  // prettier-ignore
  disk.set([
    0xba, exitPort, 0x00, // mov dx, exitPort
    0xb0, exitValue,      // mov al, exitValue
    0xee,                 // out dx, al
    0xfa,                 // cli
    0xf4,                 // hlt
    0xeb, 0xfc,           // jmp back to cli
  ]);
  disk.set([0x55, 0xaa], 510); // what makes it a boot sector
  return disk;
}
