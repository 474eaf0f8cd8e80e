import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

const events = '/sys/kernel/tracing/events/exceptions';

/** Page faults that have the same mode, vCPU, address and error code. */
export interface PageFaults {
  /** The mode that the CPU was in: which of the two tracepoints fired. */
  readonly mode: 'user' | 'kernel';
  readonly cpu: number;
  readonly address: bigint;
  /** As the CPU pushed it (SDM vol. 3, 4.7). */
  readonly errorCode: number;
  /** How many the ring buffer held; a fault that repeats for ever overwrites older ones. */
  readonly count: number;
}

/**
 * The page faults that the guest's kernel saw in a range of addresses while `work` ran: its tracepoints
 * `exceptions:page_fault_user` and `exceptions:page_fault_kernel` (arch/x86/mm/fault.c), which fire before the kernel decides
 * what to do with a fault. In order of mode, vCPU and address.
 *
 * @param range addresses of user memory, of whatever process
 */
export async function recordPageFaults(
  guest: GuestShell,
  range: { readonly start: bigint; readonly end: bigint },
  work: () => Promise<unknown>,
): Promise<PageFaults[]> {
  const filter = `address >= ${hex(range.start)} && address < ${hex(range.end)}`;
  await guest.succeed([
    'sh',
    '-ec',
    `[ -e /sys/kernel/tracing/trace ] || mount -t tracefs tracefs /sys/kernel/tracing
    cd ${events}; echo > /sys/kernel/tracing/trace
    for mode in user kernel; do echo "$1" > page_fault_$mode/filter; echo 1 > page_fault_$mode/enable; done
    echo 1 > /sys/kernel/tracing/tracing_on`,
    'sh',
    filter,
  ]);
  try {
    await work();
  } finally {
    await guest.succeed([
      'sh',
      '-ec',
      `cd ${events}; for mode in user kernel; do echo 0 > page_fault_$mode/enable; echo 0 > page_fault_$mode/filter; done`,
    ]);
  }
  // Counted in the guest: a write that faults for ever fills the buffer with tens of thousands of lines.
  const counted = await guest.succeed([
    'sh',
    '-c',
    `sed -n 's/.*\\[\\([0-9]*\\)\\].*page_fault_\\(user\\|kernel\\): address=\\(0x[0-9a-f]*\\|[0-9a-f]*\\) .*error_code=\\(0x[0-9a-f]*\\).*/\\2 \\1 \\3 \\4/p' /sys/kernel/tracing/trace | sort | uniq -c`,
  ]);
  return counted
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseCount);
}

/** `   123 user 001 0x7f2a00000000 0x7` */
function parseCount(line: string): PageFaults {
  const match = /^\s*(\d+) (user|kernel) (\d+) (?:0x)?([0-9a-f]+) (0x[0-9a-f]+)$/.exec(line);
  const [, count, mode, cpu, address, errorCode] = match ?? [];
  if (count === undefined || cpu === undefined || address === undefined || errorCode === undefined) {
    throw new InfrastructureError(
      `The guest's tracepoints exceptions:page_fault_* printed a line of an unknown shape: ${line.slice(0, 200)}`,
    );
  }
  return {
    mode: mode === 'kernel' ? 'kernel' : 'user',
    count: Number(count),
    cpu: Number(cpu),
    address: BigInt(`0x${address}`),
    errorCode: Number(errorCode),
  };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
