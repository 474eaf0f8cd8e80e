import { InfrastructureError } from '../../errors.js';
import { hex } from '../../paging/index.js';
import type { GuestShell } from '../ssh/index.js';

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
  const before = await guest.succeed(['sh', '-ec', `${mountTracefs}; ${begin}`, 'sh', filter]);
  try {
    await work();
  } finally {
    await guest.succeed(['sh', '-ec', end, 'sh', ...before.split('\n')]);
  }
  // Counted in the guest: a write that faults for ever fills the buffer with tens of thousands of lines.
  const counted = await guest.succeed([
    'sh',
    '-c',
    `sed -n 's/.*\\[\\([0-9]*\\)\\].*page_fault_\\(user\\|kernel\\): address=\\(0x[0-9a-f]*\\|[0-9a-f]*\\) .*error_code=\\(0x[0-9a-f]*\\).*/\\2 \\1 \\3 \\4/p' ${tracing}/trace | sort | uniq -c`,
  ]);
  return counted
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseCount);
}

/**
 * Switches the tracepoints on for as long as the guest runs, with nothing that they let through and recording off, so that
 * recordPageFaults need not patch them in and out of a kernel at work. QEMU's TCG (7.2) with several vCPUs now and then goes on
 * executing the int3 of such a patch after it was replaced, and then that vCPU handles it for ever: one in 150 to 300 times on a
 * busy guest, a test's time for each. The reference guest's /etc/rc does the same.
 */
export async function prepareForPageFaults(guest: GuestShell): Promise<void> {
  await guest.succeed([
    'sh',
    '-ec',
    `{ ${mountTracefs}; } 2>/dev/null || true; cd ${tracing}/events/exceptions 2>/dev/null || exit 0; cd ${tracing}
    echo 0 > tracing_on
    for mode in user kernel; do echo '${noFault}' > events/exceptions/page_fault_$mode/filter; done
    echo 1 > events/exceptions/enable`,
  ]);
}

const tracing = '/sys/kernel/tracing';
const mountTracefs = `[ -e ${tracing}/trace ] || mount -t tracefs tracefs ${tracing}`;
/** Error codes have 32 bits. */
const noFault = 'error_code > 0xffffffff';

/** $1: the filter. Prints what `end` is to be given: whether recording is on, then of each tracepoint its filter and whether it is enabled. */
const begin = `cd ${tracing}; echo > trace
  cat tracing_on
  for mode in user kernel; do
    cd ${tracing}/events/exceptions/page_fault_$mode; cat filter enable
    echo "$1" > filter; grep -q 1 enable || echo 1 > enable
  done
  echo 1 > ${tracing}/tracing_on`;

const end = `echo "$1" > ${tracing}/tracing_on
  for mode in user kernel; do
    cd ${tracing}/events/exceptions/page_fault_$mode
    case "$3" in 0*) echo 0 > enable ;; esac
    case "$2" in none) echo 0 > filter ;; *) echo "$2" > filter ;; esac
    shift 2
  done`;

/** `   123 user 001 0x7f2a00000000 0x7` */
function parseCount(line: string): PageFaults {
  const match = /^\s*(\d+) (user|kernel) (\d+) (?:0x)?([0-9a-f]+) (0x[0-9a-f]+)$/.exec(line);
  const [, count, mode, cpu, address, errorCode] = match ?? [];
  if (count === undefined || cpu === undefined || address === undefined || errorCode === undefined) {
    throw new InfrastructureError(
      `The guest's tracepoints exceptions:page_fault_* printed a line of an unknown shape: ${line.slice(0, 200)}. Report it with the kernel's version.`,
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
