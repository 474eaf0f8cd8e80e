import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

/** What DMA mappings hold on to, guest-wide and of one process. */
export interface Holdings {
  /** Pages that are pinned: `nr_foll_pin_acquired` − `nr_foll_pin_released` of /proc/vmstat, refreshed. */
  readonly pinned: number;
  /** Pages that the process is charged for as locked: `VmLck` of its status. */
  readonly locked: number;
}

// The counters are kept per CPU; reading stat_refresh adds them up (mm/vmstat.c).
const script =
  'cat /proc/sys/vm/stat_refresh; grep -E "^nr_foll_pin_(acquired|released) " /proc/vmstat; grep "^VmLck:" "/proc/$1/status"';

/** @throws InfrastructureError when the guest's kernel does not say */
export async function readHoldings(guest: GuestShell, pid: number): Promise<Holdings> {
  const text = await guest.succeed(['sh', '-c', script, 'sh', String(pid)]);
  const [acquired, released, locked] = [/acquired (\d+)/, /released (\d+)/, /VmLck:\s+(\d+) kB/].map((line) =>
    Number(line.exec(text)?.[1] ?? Number.NaN),
  );
  if (acquired === undefined || released === undefined || locked === undefined)
    throw new TypeError('three patterns give three numbers');
  if (Number.isNaN(acquired + released + locked)) {
    throw new InfrastructureError(
      `The guest's kernel should count pinned pages (nr_foll_pin_acquired and _released in /proc/vmstat, Linux 5.6 and later) and ` +
        `locked ones (VmLck in /proc/${pid}/status): ${text.slice(0, 300)}. Use a kernel that does.`,
    );
  }
  return { pinned: acquired - released, locked: locked / 4 };
}
