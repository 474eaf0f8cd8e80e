import { parseProcessMaps, type ProcessMapping } from '../../memory/process-maps.js';
import { parseVmFlags, type VmFlags } from '../../paging/index.js';

/** A VMA as /proc/PID/smaps tells of it (proc_pid_smaps(5)). */
export interface SmapsArea extends ProcessMapping {
  /** The line `VmFlags`. */
  readonly flags: VmFlags;
  /** All that is told in KiB, by its name: `Rss`, `Swap`, `Private_Hugetlb`, … */
  readonly kiB: Readonly<Record<string, number>>;
}

/** `[vsyscall]` is left out: it lies in the kernel's half and belongs to no process. */
export function parseSmaps(text: string): SmapsArea[] {
  return text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((block) => {
    const [head] = parseProcessMaps(block.split('\n', 1)[0] ?? '');
    if (!head || head.start >= 1n << 63n) return [];
    const kiB = [...block.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name = '', size]) => [
      name,
      Number(size),
    ]);
    const flags = parseVmFlags(/^VmFlags:.*$/m.exec(block)?.[0] ?? '');
    return [{ ...head, flags, kiB: Object.fromEntries(kiB) as Record<string, number> }];
  });
}

/** Whether a process's memory is as it was, as far as its entries go. */
export function areSame(before: readonly SmapsArea[], after: readonly SmapsArea[]): boolean {
  const told = (areas: readonly SmapsArea[]): string =>
    areas
      .map(({ start, end, flags, kiB }) => [start, end, kiB.Rss, kiB.Swap, ...flags.names].join(' '))
      .join('\n');
  return told(before) === told(after);
}
