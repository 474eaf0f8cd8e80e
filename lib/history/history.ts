import type { GuestCall } from '../guest/vfio/process.js';
import type { AddressSpace, Level, X86Entry } from '../paging/index.js';
import type { Frame } from './call-chain.js';
import type { WritingTask, WritingVcpu } from './kernel-view.js';

/** Pages whose way through the tables is recorded. */
export interface RecordedRange {
  readonly space: AddressSpace<X86Entry>;
  /** Virtual address of the first page. */
  readonly address: bigint;
  /** Number of 4 KiB pages. */
  readonly pages: number;
  /** The process, where it is known. */
  readonly pid?: number;
}

/** Where the walk of a page ends: at its leaf, or at the entry that maps nothing. */
export interface EntryState {
  readonly level: Level;
  readonly raw: bigint;
  /** Physical address of that entry. */
  readonly at: bigint;
}

/** A change of what a page's walk comes to. */
export interface PteWrite {
  /** On the host's clock, in ms since 1970, when the VM had stopped behind it. */
  readonly at: number;
  /** The guest's CLOCK_MONOTONIC as of its last tick, in ms. */
  readonly guestMs: number | undefined;
  /** In the recorded range, from 0. */
  readonly page: number;
  /** Virtual address of the page. */
  readonly address: bigint;
  readonly before: EntryState;
  readonly after: EntryState;
  /** Undefined: nobody was seen writing it. */
  readonly writer: WritingVcpu | undefined;
}

/** Who made a write, in names. */
export interface Writer {
  readonly vcpu: number;
  /** `vfio_dma_clear_user+0x1cd [vfio_iommu_type1]`, behind the instruction that wrote; a bare address without symbols. */
  readonly place: string;
  readonly task: WritingTask | undefined;
  /** The functions below which it was called, the innermost first. */
  readonly stack: readonly Frame[];
}

/** A write whose names are known. */
export interface NamedWrite extends Omit<PteWrite, 'writer'> {
  readonly writer: Writer | undefined;
}

/** From when on nothing was seen, and why. */
export interface Blindness {
  readonly at: number;
  readonly why: string;
}

/** Which writes are asked for. */
export interface WriteFilter {
  readonly page?: number;
  /** A mask: writes that changed one of these bits. */
  readonly bits?: bigint;
}

/** What a history asks of its recorder. */
export interface Reader {
  readonly name: (writer: WritingVcpu) => Promise<Writer>;
  /** Looks at memory: what nobody was seen writing is in the history then. */
  readonly sync: () => Promise<void>;
}

/** Every write to the entries that a range's translation goes through, from when the recording began. */
export class PteHistory {
  readonly range: RecordedRange;
  /** Host's clock, ms. */
  readonly began: number;
  /** Of each page, when the recording began. */
  readonly first: readonly EntryState[];
  /** What the harness asked of the guest's processes meanwhile. */
  readonly calls: readonly GuestCall[];
  readonly #writes: PteWrite[] = [];
  readonly #reader: Reader;
  readonly #named = new Map<WritingVcpu, Promise<Writer>>();
  #blind: Blindness | undefined;

  constructor(
    range: RecordedRange,
    began: number,
    first: readonly EntryState[],
    calls: readonly GuestCall[],
    reader: Reader,
  ) {
    this.range = range;
    this.began = began;
    this.first = first;
    this.calls = calls;
    this.#reader = reader;
  }

  /** Since when nothing is seen any more; undefined while it is. */
  get blind(): Blindness | undefined {
    return this.#blind;
  }

  /** All of them, by time, without names. */
  get raw(): readonly PteWrite[] {
    return this.#writes;
  }

  /** All writes until now are in it afterwards, also those that no watchpoint saw. */
  async sync(): Promise<void> {
    if (!this.#blind) await this.#reader.sync();
  }

  /** The writes so far, by time, with who made them. */
  async writes({ page, bits }: WriteFilter = {}): Promise<NamedWrite[]> {
    await this.sync();
    const wanted = this.#writes.filter(
      (write) =>
        (page === undefined || write.page === page) &&
        (bits === undefined || ((write.before.raw ^ write.after.raw) & bits) !== 0n),
    );
    const named: NamedWrite[] = [];
    for (const write of wanted) named.push(await this.named(write));
    return named;
  }

  async named(write: PteWrite): Promise<NamedWrite> {
    const { writer } = write;
    if (writer === undefined) return { ...write, writer: undefined };
    const named = this.#named.get(writer) ?? this.#reader.name(writer);
    this.#named.set(writer, named);
    return { ...write, writer: await named };
  }

  /** For the recorder. */
  add(write: PteWrite): void {
    this.#writes.push(write);
  }

  /** For the recorder: a write that was seen before its writer was. */
  explain(write: PteWrite, writer: WritingVcpu): void {
    const index = this.#writes.indexOf(write);
    if (index >= 0) this.#writes[index] = { ...write, writer };
  }

  /** For the recorder. */
  end(why: string): void {
    this.#blind ??= { at: Date.now(), why };
  }
}
