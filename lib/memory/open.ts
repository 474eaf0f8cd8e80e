import type { GdbClient } from '../gdb/index.js';
import type { MemoryTreeRange, Monitor } from '../monitor/index.js';
import type { PhysicalMemory } from '../paging/index.js';
import { MemoryAccessError } from './errors.js';
import { GdbMemory } from './gdb-memory.js';
import { HmpMemory } from './hmp-memory.js';
import { hostAddresses, type HostRange, hostRanges } from './host-layout.js';
import { openProcessMemory, openRamFile } from './local-readers.js';
import type { LocalMemory } from './local-memory.js';
import { RamMap } from './ram-map.js';
import { socketOwner } from './socket-owner.js';

/** The ways to guest memory, fastest first. */
export const READER_KINDS = ['ram-file', 'process', 'gdb', 'monitor'] as const;
export type ReaderKind = (typeof READER_KINDS)[number];

export interface OpenMemoryOptions {
  /** Says where memory is; reads it, if nothing faster can. */
  readonly monitor: Monitor;
  /** The QEMU process, where it is known. It is believed only if it maps guest memory where QEMU says it does. */
  readonly pid?: number;
  /** An attached debugger. It reads only while the VM is stopped. */
  readonly gdb?: GdbClient;
  /** The ways to consider. Default: all. */
  readonly kinds?: readonly ReaderKind[];
}

/** An open way to guest memory, and how it came to be this one. */
export interface OpenedMemory extends AsyncDisposable {
  readonly kind: ReaderKind;
  readonly memory: PhysicalMemory;
  /** The QEMU process, where it was found. */
  readonly pid: number | undefined;
  /** Where memory is, as of now: open anew after the guest's firmware ran, or memory was plugged in. */
  readonly ram: RamMap;
  /** The faster ways, and why each was not possible. */
  readonly rejected: readonly { readonly kind: ReaderKind; readonly reason: string }[];
  /** All that in one line, for a report. */
  readonly summary: string;
  /** Closes files; the monitor and the debugger stay with whoever opened them. */
  close(): void;
}

/**
 * Opens the fastest way to guest memory that the stack allows.
 *
 * All give the same bytes for a stopped VM; of a running one, each read is a look at a moving thing.
 *
 * @throws MemoryAccessError none of the kinds asked for is possible; the message has the reasons
 */
export async function openPhysicalMemory(options: OpenMemoryOptions): Promise<OpenedMemory> {
  const { monitor, gdb, kinds = READER_KINDS } = options;
  const ram = RamMap.of(await monitor.infoMtree());
  const rejected: { kind: ReaderKind; reason: string }[] = [];
  const wantsProcess = kinds.includes('ram-file') || kinds.includes('process');
  const host = wantsProcess ? await findHost(options, ram) : undefined;
  for (const kind of READER_KINDS.filter((candidate) => kinds.includes(candidate))) {
    try {
      if (kind === 'monitor') return opened(kind, new HmpMemory(monitor, ram));
      if (kind === 'gdb') {
        if (gdb === undefined) throw new MemoryAccessError('no debugger is attached');
        return opened(kind, new GdbMemory(gdb, ram));
      }
      if (host === undefined || 'problem' in host) throw new MemoryAccessError(host?.problem ?? 'no process');
      const local =
        kind === 'process'
          ? openProcessMemory(ram, host.pid, host.ranges)
          : openRamFile(ram, host.pid, host.ranges);
      return opened(kind, local, local, host.pid);
    } catch (error) {
      if (!(error instanceof MemoryAccessError)) throw error;
      rejected.push({ kind, reason: error.message });
    }
  }
  throw new MemoryAccessError(`Guest memory cannot be read. ${reasons(rejected)}`);

  function opened(kind: ReaderKind, memory: PhysicalMemory, local?: LocalMemory, pid?: number): OpenedMemory {
    return {
      kind,
      memory,
      pid,
      ram,
      rejected,
      summary:
        `Guest memory is read by ${kind}${pid === undefined ? '' : ` (process ${String(pid)})`}. ${reasons(rejected)}`.trim(),
      close: () => local?.close(),
      [Symbol.asyncDispose]() {
        local?.close();
        return Promise.resolve();
      },
    };
  }
}

function reasons(rejected: readonly { kind: ReaderKind; reason: string }[]): string {
  return rejected.map(({ kind, reason }) => `Not by ${kind}: ${reason}`).join(' ');
}

type Host = { readonly pid: number; readonly ranges: readonly HostRange[] } | { readonly problem: string };

/** The QEMU process and guest memory in it: by the pid given, else by who holds the monitor's socket. */
async function findHost({ monitor, pid }: OpenMemoryOptions, ram: RamMap): Promise<Host> {
  const problems: string[] = [];
  try {
    const addresses = await hostAddresses(monitor, ram);
    for (const candidate of [() => pid, () => socketOwner(monitor.peer)]) {
      const found = attempt(candidate, addresses, problems);
      if (found !== undefined) return found;
    }
  } catch (error) {
    if (!(error instanceof MemoryAccessError)) throw error;
    problems.push(error.message);
  }
  return { problem: problems.join(' ') };
}

function attempt(
  candidate: () => number | undefined,
  addresses: ReadonlyMap<MemoryTreeRange, bigint>,
  problems: string[],
): Host | undefined {
  try {
    const pid = candidate();
    return pid === undefined ? undefined : { pid, ranges: hostRanges(pid, addresses) };
  } catch (error) {
    if (!(error instanceof MemoryAccessError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}
