import { InfrastructureError } from '../errors.js';
import type { GdbClient, StopReply, VcpuRegisters } from '../gdb/index.js';
import type { GuestCall } from '../guest/vfio/process.js';
import { Turns } from '../host/turns.js';
import { StubTakenError } from '../machine/errors.js';
import type { Machine, Watcher } from '../machine/machine.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY, type PhysicalMemory, walk } from '../paging/index.js';
import { type EntryState, PteHistory, type PteWrite, type Reader, type RecordedRange } from './history.js';
import { KernelView, type WritingVcpu } from './kernel-view.js';
import { namesOf } from './names.js';

/** The MMU sets them, and no watchpoint sees it. */
const ofMmu = _PAGE_ACCESSED | _PAGE_DIRTY;
/** Writes of one recording, if nothing else is asked for: at some 1 ms each a guest that makes more comes to a stop. */
export const mostWrites = 10_000;
/** Entries that are watched one by one: each watchpoint costs the emulator a flush of its TLB, and a comparison at each write beside it. */
const mostSingle = 64;
/** Why a recording ended that was not cut short. */
export const regularEnd = 'the recording was ended';
/** Pages of one recording. */
const mostPages = 4096;

/** A page, and the entries that its walk goes through: the last one is where it ends. */
interface Page {
  readonly track: Track;
  readonly number: number;
  path: readonly EntryState[];
}

interface Track {
  readonly history: PteHistory;
  readonly mostWrites: number;
  readonly pages: readonly Page[];
}

/** Watched memory: physical address and length of entries that lie side by side. */
interface Watch {
  readonly address: bigint;
  readonly length: number;
}

/** A stop behind a write, as the stub tells of it. */
interface Hit {
  readonly at: number;
  readonly cpu: number;
  /** Physical address of the watchpoint. */
  readonly watched: bigint;
}

/** The instruction. */
const HLT = 0xf4;

const general = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
];

/**
 * Records every write to page-table entries, and who made it: watchpoints of the machine's gdb stub on the entries' addresses in the kernel's
 * direct map, by which alone Linux on x86-64 writes them. It costs nothing while nothing is written, and some 1 ms a write.
 */
export class PteRecorder implements Watcher {
  readonly #machine: Machine;
  readonly #memory: PhysicalMemory;
  readonly #kernel: KernelView;
  readonly #reader: Reader;
  /** Looks overlap: memory is compared, and watchpoints are set, once at a time. */
  readonly #turns = new Turns();
  #client: GdbClient | undefined;
  #tracks: Track[] = [];
  #watches: Watch[] = [];
  /** By the physical address of an entry. */
  #pages = new Map<bigint, Set<Page>>();
  /** Writes that were seen before a hit told who made them. */
  #unexplained: { readonly history: PteHistory; readonly write: PteWrite; readonly entry: bigint }[] = [];

  private constructor(machine: Machine, memory: PhysicalMemory, kernel: KernelView) {
    this.#machine = machine;
    this.#memory = memory;
    this.#kernel = kernel;
    this.#reader = {
      name: namesOf(machine, kernel),
      sync: () => machine.paused(() => this.#check()),
    };
  }

  /**
   * @throws SymbolsError when the kernel's symbols cannot be had
   * @throws StubTakenError when a debugger has the machine's stub
   */
  static async start(machine: Machine, memory: PhysicalMemory): Promise<PteRecorder> {
    const kernel = await machine.paused(() => KernelView.open(machine, memory));
    const recorder = new PteRecorder(machine, memory, kernel);
    recorder.#client = await machine.gdb.watch(recorder);
    return recorder;
  }

  /**
   * Records a range from now on.
   *
   * @param calls what its process is asked for, on the same clock; it may grow
   * @param most the recording ends after so many writes
   * @throws GdbRefusedError under KVM, when more is to be watched than the processor's four debug registers can
   * @throws StubTakenError when a debugger has taken the stub
   */
  async record(
    range: RecordedRange,
    calls: readonly GuestCall[] = [],
    most = mostWrites,
  ): Promise<PteHistory> {
    if (!this.isOn)
      throw new StubTakenError(
        `${this.#machine.title}: nothing can be recorded any more: a debugger took the gdb stub, which serves one. Record in a test without one.`,
      );
    if (range.pages > mostPages)
      throw new InfrastructureError(
        `${range.pages} pages are more than can be recorded: ${mostPages}. Record fewer.`,
      );
    return await this.#machine.paused(async () => {
      await this.#check();
      const paths = await Promise.all(
        Array.from({ length: range.pages }, (_, page) =>
          this.#walk(range, range.address + BigInt(page) * 4096n),
        ),
      );
      const first = paths.map(endOf);
      const history = new PteHistory(range, Date.now(), first, calls, this.#reader);
      const pages: Page[] = [];
      const track = { history, mostWrites: most, pages };
      for (const [number, path] of paths.entries()) pages.push({ track, number, path });
      this.#tracks.push(track);
      await this.#turns.take(() => this.#arm());
      return history;
    });
  }

  /** Whether anything is recorded at this time. */
  get isOn(): boolean {
    return this.#client?.closed === false;
  }

  /** Holds what is recorded against memory, so that a write which no watchpoint saw is recorded as such, and ends. */
  async stop(): Promise<void> {
    if (this.#client === undefined) return;
    await this.makeWay(regularEnd);
    await this.#machine.gdb.detach();
  }

  async makeWay(why = 'a debugger took the gdb stub'): Promise<void> {
    if (this.#machine.died.aborted || !this.isOn) {
      this.#end(why);
      return;
    }
    try {
      await this.#machine.paused(() => this.#check());
      this.#end(why);
    } catch (error) {
      // Whoever closed the monitor, by which it is looked at, has the machine: the history says from when it is blind.
      this.lost(error);
    }
  }

  lost(error: unknown): void {
    this.#end(error instanceof Error ? error.message : String(error));
  }

  async hit({ cpu = 0, watch = 0n }: StopReply): Promise<void> {
    if (this.#client?.running !== false) return;
    await this.#check({ at: Date.now(), cpu, watched: this.#kernel.physical(watch) });
  }

  /** QEMU 7.2 forgets to tell of a write behind which a vCPU stood already when the machine was stopped for something else. */
  stopped(): Promise<void> {
    return this.#check();
  }

  #end(why: string): void {
    this.#client = undefined;
    for (const { history } of this.#tracks) history.end(why);
    this.#tracks = [];
  }

  /** What has changed since the last time, and who changed it where registers or a hit say so. */
  #check(hit?: Hit): Promise<void> {
    return this.#turns.take(async () => {
      const vcpus = await this.#registers();
      const writers = await this.#compare(vcpus, hit);
      // A write that left its entry as it was counts as well.
      for (const registers of vcpus) if (await this.#isAtEntry(registers)) writers.add(registers.cpu);
      if (hit) writers.delete(hit.cpu);
      for (let untold = writers; untold.size > 0;) {
        for (const cpu of untold) await this.#client?.settle(cpu);
        untold = await this.#compare(await this.#registers());
      }
    });
  }

  async #registers(): Promise<readonly VcpuRegisters[]> {
    return this.#client?.standing === true ? await this.#client.registers() : [];
  }

  /** @returns the vCPUs that stand behind a write */
  async #compare(vcpus: readonly VcpuRegisters[], hit?: Hit): Promise<Set<number>> {
    const changed = new Set<Page>();
    const entries = new Set<bigint>();
    for (const watch of this.#watches) {
      const bytes = await this.#read(watch);
      for (let at = 0; at < watch.length; at += 8) {
        const entry = watch.address + BigInt(at);
        const raw = bytes.getBigUint64(at, true);
        for (const page of this.#pages.get(entry) ?? []) {
          if (((rawAt(page, entry) ^ raw) & ~ofMmu) === 0n) continue;
          changed.add(page);
          entries.add(entry);
        }
      }
    }
    const writers = await this.#writersOf(vcpus, hit, entries);
    const writing = new Set([...writers.values()].map(({ vcpu }) => vcpu));
    if (changed.size === 0) return writing;
    const at = hit?.at ?? Date.now();
    const guestMs = await this.#kernel.guestMs();
    let moved = false;
    for (const page of changed) {
      const { track, number } = page;
      const address = track.history.range.address + BigInt(number) * 4096n;
      const path = await this.#walk(track.history.range, address);
      const [before, after] = [endOf(page.path), endOf(path)];
      const cause = page.path.find(({ at: entry }) => entries.has(entry))?.at ?? before.at;
      moved ||=
        path.length !== page.path.length || path.some(({ at: entry }, step) => entry !== page.path[step]?.at);
      page.path = path;
      if (before.at === after.at && ((before.raw ^ after.raw) & ~ofMmu) === 0n) continue;
      const writer = writers.get(cause);
      const write = { at, guestMs, page: number, address, before, after, writer };
      track.history.add(write);
      if (!hit && !writer) this.#unexplained.push({ history: track.history, write, entry: cause });
    }
    const full = this.#tracks.filter((track) => track.history.raw.length >= track.mostWrites);
    for (const track of full)
      track.history.end(`${track.mostWrites} writes were recorded, which is the most`);
    this.#tracks = this.#tracks.filter((track) => !full.includes(track));
    if (moved || full.length > 0) await this.#arm();
    return writing;
  }

  /**
   * Who wrote which entry: a vCPU that has the entry's address in a register stands right behind its store. QEMU 7.2 has one stop for two
   * vCPUs that write at once, and none for one that writes while the machine is stopped for a look; it tells of the next write of the one that
   * it did not name where that one had written before. So what it tells counts only where no vCPU's registers do.
   */
  async #writersOf(
    vcpus: readonly VcpuRegisters[],
    hit: Hit | undefined,
    entries: ReadonlySet<bigint>,
  ): Promise<Map<bigint, WritingVcpu>> {
    const seen = hit ? this.#unexplained.splice(0) : [];
    const open = new Set([...entries, ...seen.map(({ entry }) => entry)]);
    const writers = new Map<bigint, WritingVcpu>();
    const own = vcpus.find(({ cpu }) => cpu === hit?.cpu);
    for (const entry of open) {
      const address = this.#kernel.linear(entry);
      const at = vcpus.filter((each) => holds(each, (value) => value === address));
      const isTold = hit?.watched === entry || (open.size === 1 && entries.has(entry));
      const registers =
        own && at.includes(own) ? own : at.length === 1 ? at[0] : at.length === 0 && isTold ? own : undefined;
      if (registers) writers.set(entry, await this.#kernel.at(registers));
    }
    for (const { history, write, entry } of seen) {
      const writer = writers.get(entry);
      if (writer) history.explain(write, writer);
    }
    return writers;
  }

  /** Sets the watchpoints that the pages' walks need now, and takes the others away: tables come, go and move. */
  async #arm(): Promise<void> {
    this.#pages = new Map();
    for (const page of this.#tracks.flatMap(({ pages }) => pages)) {
      for (const { at } of page.path) this.#pages.set(at, (this.#pages.get(at) ?? new Set()).add(page));
    }
    const wanted = joined([...this.#pages.keys()]);
    const client = this.#client;
    const isAmong = (list: readonly Watch[], { address, length }: Watch): boolean =>
      list.some((other) => other.address === address && other.length === length);
    for (const watch of this.#watches.filter((each) => !isAmong(wanted, each)))
      await client?.removeWatchpoint(this.#kernel.linear(watch.address), watch.length);
    for (const watch of wanted.filter((each) => !isAmong(this.#watches, each)))
      await client?.setWatchpoint(this.#kernel.linear(watch.address), watch.length);
    this.#watches = wanted;
  }

  /** Whether a vCPU may stand behind a write: it has an entry's address. One that halts has it left over, and executes nothing. */
  async #isAtEntry(registers: VcpuRegisters): Promise<boolean> {
    if (!holds(registers, (value) => this.#pages.has(this.#kernel.physical(value)))) return false;
    const before = await this.#kernel.now().tryRead(registers.get('rip') - 1n, 1);
    return before !== undefined && before[0] !== HLT;
  }

  async #read({ address, length }: Watch): Promise<DataView> {
    const memory = this.#memory;
    const bytes = memory.readSync?.(address, length) ?? (await memory.read(address, length));
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async #walk({ space }: RecordedRange, address: bigint): Promise<readonly EntryState[]> {
    const { steps } = await walk(this.#memory, space, address);
    return steps.map(({ level, raw, entryAddress }) => ({ level, raw, at: entryAddress }));
  }
}

function endOf(path: readonly EntryState[]): EntryState {
  const end = path.at(-1);
  if (!end)
    throw new InfrastructureError(
      'The top table of a recorded process is not memory. Has the process ended?',
    );
  return end;
}

function rawAt({ path }: Page, entry: bigint): bigint {
  return path.find(({ at }) => at === entry)?.raw ?? 0n;
}

function holds(registers: VcpuRegisters, isIt: (value: bigint) => boolean): boolean {
  return general.some((name) => isIt(registers.get(name)));
}

/** Each entry has a watchpoint of its own, so that a hit tells which it is; where there are many, those side by side have one together. */
function joined(entries: readonly bigint[]): Watch[] {
  const watches: { address: bigint; length: number }[] = [];
  for (const address of [...entries].sort((a, b) => (a < b ? -1 : 1))) {
    const last = watches.at(-1);
    const isNext =
      last !== undefined && last.address + BigInt(last.length) === address && address % 4096n !== 0n;
    if (isNext && entries.length > mostSingle) last.length += 8;
    else watches.push({ address, length: 8 });
  }
  return watches;
}
