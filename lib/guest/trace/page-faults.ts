import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

const event = '/sys/kernel/tracing/events/exceptions/page_fault_user';

/** Page faults from user mode that have the same vCPU, address and error code. */
export interface PageFaults {
  readonly cpu: number;
  readonly address: bigint;
  /** As the CPU pushed it (SDM vol. 3, 4.7). */
  readonly errorCode: number;
  /** How many the ring buffer held; a fault that repeats for ever overwrites older ones. */
  readonly count: number;
}

/**
 * The page faults that the guest's kernel saw in a range of addresses while `work` ran: its tracepoint
 * `exceptions:page_fault_user` (arch/x86/mm/fault.c), which fires before the kernel decides what to do with a fault.
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
    `cd /sys/kernel/tracing; echo > trace; echo "$1" > ${event}/filter; echo 1 > ${event}/enable; echo 1 > tracing_on`,
    'sh',
    filter,
  ]);
  try {
    await work();
  } finally {
    await guest.succeed(['sh', '-ec', `echo 0 > ${event}/enable; echo 0 > ${event}/filter`]);
  }
  // Counted in the guest: a write that faults for ever fills the buffer with tens of thousands of lines.
  const counted = await guest.succeed([
    'sh',
    '-c',
    `sed -n 's/.*\\[\\([0-9]*\\)\\].*page_fault_user: address=\\(0x[0-9a-f]*\\|[0-9a-f]*\\) .*error_code=\\(0x[0-9a-f]*\\).*/\\1 \\2 \\3/p' /sys/kernel/tracing/trace | sort | uniq -c`,
  ]);
  return counted
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseCount);
}

/** `   123 001 0x7f2a00000000 0x7` */
function parseCount(line: string): PageFaults {
  const match = /^\s*(\d+) (\d+) (?:0x)?([0-9a-f]+) (0x[0-9a-f]+)$/.exec(line);
  const [, count, cpu, address, errorCode] = match ?? [];
  if (count === undefined || cpu === undefined || address === undefined || errorCode === undefined) {
    throw new InfrastructureError(
      `The guest's tracepoint exceptions:page_fault_user printed a line of an unknown shape: ${line.slice(0, 200)}`,
    );
  }
  return {
    count: Number(count),
    cpu: Number(cpu),
    address: BigInt(`0x${address}`),
    errorCode: Number(errorCode),
  };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
