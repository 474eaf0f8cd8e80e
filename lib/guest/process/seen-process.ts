import { InfrastructureError } from '../../errors.js';
import type { Machine } from '../../machine/machine.js';
import {
  type AddressSpace,
  diffScans,
  type PageRun,
  type PhysicalMemory,
  type Scan,
  scan,
  type ScanDiff,
  type Walk,
  walk,
  walkRange,
  type X86Entry,
} from '../../paging/index.js';
import { address as anAddress, also, check, type Rule, that, whole, word } from '../../validate/index.js';
import type { CommandShell } from '../command-shell.js';
import { joined, type MappedArea } from './mapped-area.js';
import { MemoryRange } from './memory-range.js';
import { areSame, parseSmaps, type SmapsArea } from './smaps.js';

/** Where processes are looked at: a running guest, and the way to look into its memory from outside. */
export interface ProcessHost {
  readonly machine: Machine;
  readonly guest: CommandShell;
  readonly memory: PhysicalMemory;
  /** What somebody else asks for is done through this, with its arguments. */
  readonly step?: <T>(what: string, args: readonly unknown[], work: () => Promise<T>) => Promise<T>;
  /** Told of each address that was walked, and of the first page where a run of pages was looked at. */
  readonly onWalk?: (process: SeenProcess, address: bigint, seen: Walk<X86Entry> | PageRun<X86Entry>) => void;
  /** Told of what changed between two scans. */
  readonly onChanges?: (process: SeenProcess, changes: ScanDiff) => Promise<void>;
}

const aScan: Rule<Scan<X86Entry>> = that(
  'a scan (await process.scan())',
  (value) => typeof value === 'object' && value !== null && 'columns' in value && 'complete' in value,
);
const aPage = also(
  word(),
  (address) => address % 4096n === 0n,
  'must be the address of a page: a multiple of 4096',
);

/** A process that changes its memory while it is looked at is looked at again, so often. */
const mostLooks = 5;

/** A process of the guest, whose memory is seen from outside. */
export abstract class SeenProcess {
  abstract readonly host: ProcessHost;
  abstract readonly pid: number;

  /** Its page tables at this moment, found through `memory`; the VM must stand still. */
  abstract tables(memory: PhysicalMemory): Promise<AddressSpace<X86Entry>>;

  /** Pages of its memory, mapped or not, for the matchers. @param pages of 4 KiB @throws UsageError */
  range(address: bigint, pages = 1): MemoryRange {
    check('range', 'address', aPage, address);
    check('range', 'pages', whole(1), pages);
    return new MemoryRange(this, address, pages);
  }

  /** The leaf entries of pages, read from outside while the VM stands still. */
  async entries(address: bigint, pages: number): Promise<PageRun<X86Entry>> {
    check('entries', 'address', anAddress, address);
    check('entries', 'pages', whole(1), pages);
    const { machine, memory, onWalk } = this.host;
    const run = await machine.paused(async () =>
      walkRange(memory, await this.tables(memory), address, pages),
    );
    onWalk?.(this, address, run);
    return run;
  }

  /** The walk to one address, level by level, read from outside while the VM stands still. @param reader default: the host's */
  async walk(address: bigint, reader?: PhysicalMemory): Promise<Walk<X86Entry>> {
    check('walk', 'address', anAddress, address);
    const { machine, memory, onWalk } = this.host;
    const through = reader ?? memory;
    const work = (): Promise<Walk<X86Entry>> =>
      machine.paused(async () => walk(through, await this.tables(through), address));
    const seen = await (reader ? work() : this.step('walk', [address], work));
    if (!reader) onWalk?.(this, address, seen);
    return seen;
  }

  /** Every mapping of the user half of its address space, read from outside while the VM stands still. */
  scan(): Promise<Scan<X86Entry>> {
    const { machine, memory } = this.host;
    return this.step('scan', [], () =>
      machine.paused(async () => scan(memory, await this.tables(memory), { range: 'user' })),
    );
  }

  /** How its address space differs from what an earlier scan saw. */
  async changesSince(before: Scan<X86Entry>): Promise<ScanDiff> {
    const changes = diffScans(check('changesSince', 'before', aScan, before), await this.scan());
    await this.host.onChanges?.(this, changes);
    return changes;
  }

  /**
   * Its memory as its kernel tells of it (/proc/PID/smaps), and the entries that are there for it, seen from outside. The guest must run.
   *
   * @throws InfrastructureError when the process changes its memory all the time
   */
  async mappings(): Promise<MappedArea[]> {
    let before = await this.#areas();
    for (let look = 1; look <= mostLooks; look += 1) {
      const seen = await this.scan();
      const after = await this.#areas();
      if (areSame(before.areas, after.areas)) return joined(after.areas, seen, after.release);
      before = after;
    }
    throw new InfrastructureError(
      `Process ${this.pid} changes its memory while it is looked at (${mostLooks} times): have it wait meanwhile, for a line of its stdin for example.`,
    );
  }

  /** Of the process, in a title: `walk 0x7f… of process 123`. */
  protected step<T>(what: string, args: readonly unknown[], work: () => Promise<T>): Promise<T> {
    return this.host.step ? this.host.step(what, [...args, `of process ${this.pid}`], work) : work();
  }

  async #areas(): Promise<{ release: string; areas: SmapsArea[] }> {
    const { machine, guest } = this.host;
    const command = ['sh', '-c', 'uname -r && exec cat "/proc/$1/smaps"', 'sh', String(this.pid)];
    const { exitCode, stdout, stderr } = await machine.guard(
      guest.run(command, { maxOutputBytes: 64 << 20 }),
    );
    if (exitCode !== 0) {
      // One that has ended says so in its own words.
      await machine.paused(() => this.tables(this.host.memory));
      throw new InfrastructureError(
        `The guest does not tell of the memory of process ${this.pid}: ${stderr.trim()}.`,
      );
    }
    const [release = ''] = stdout.split('\n', 1);
    return { release, areas: parseSmaps(stdout) };
  }
}
