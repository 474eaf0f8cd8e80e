import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';

/** A present, writable user leaf as Linux maps anonymous memory: XD, D, A, U, W, P. */
export function leaf(frame: number): bigint {
  return 0x8000_0000_0000_0867n | (BigInt(frame) << 12n);
}

export function clearing(address: bigint, oldPte: bigint): string {
  return `VFIO: Clearing _PAGE_USER at vaddr 0x${address.toString(16)}, old PTE: 0x${oldPte.toString(16)}`;
}

export function cleared(address: bigint, newPte: bigint): string {
  return `VFIO: Successfully cleared _PAGE_USER at vaddr 0x${address.toString(16)}, new PTE: 0x${newPte.toString(16)}`;
}

/** Both lines of a page that was cleared as it should be. */
export function pair(address: bigint, oldPte: bigint): string[] {
  return [clearing(address, oldPte), cleared(address, oldPte & ~4n)];
}

/** The lines as /dev/kmsg gives them, numbered from `seq`; `undefined` is a record that was lost. */
export function kmsg(lines: readonly (string | undefined)[], seq = 100): KernelLogEntry[] {
  const text = lines.map((line, index) =>
    line === undefined ? '' : `6,${seq + index},${1_000_000 + index},-;${line}\n`,
  );
  return parseKernelLog(text.join(''), { format: 'kmsg', firstSequence: seq });
}
