import { expect } from '../../../fixtures/index.js';
import type { KernelLogFollower } from '../../../lib/guest/kernel-log-follower.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import type { GuestBuffer } from '../../../lib/guest/vfio/options.js';
import { type Holdings, readHoldings } from '../../../lib/guest/vfio/pins.js';
import { type VfioHost, VfioProcess } from '../../../lib/guest/vfio/process.js';
import { _PAGE_SPECIAL, type ScanDiff } from '../../../lib/paging/index.js';
import { expectUnreachable } from '../../vfio/mappings/agreement.js';
import { pageSize } from './plan.js';
import { type Check, fillValue, partText } from './print.js';
import type { Alloc, MapStep, Step } from './steps.js';

/** Where sequences are done: a VM, whose device is free. */
export interface Ground {
  readonly host: VfioHost;
  readonly kernelLog: KernelLogFollower;
}

/** How a sequence failed. */
export interface Failure {
  /** Up to the one after which it failed. */
  readonly steps: readonly Step[];
  readonly check: Check;
  readonly error: Error;
}

interface Live {
  readonly step: MapStep;
  readonly mapping: DmaMapping;
  /** Pages that it pins: the zero page is not pinned. */
  readonly pinned: number;
  /** What a module cannot split is left to user mode, and reported. */
  readonly isLeft: boolean;
}

/**
 * Does a sequence in a process of its own, and checks after each step whatever must hold then.
 *
 * @param isOver ends the sequence before its next step; what is there is checked still
 * @param onStep told before each step
 */
export async function runSequence(
  ground: Ground,
  steps: readonly Step[],
  isOver: () => boolean = () => false,
  onStep: (index: number) => void = () => undefined,
): Promise<Failure | undefined> {
  const kernelLog = await ground.kernelLog.fromNow('a generated sequence');
  await using world = await World.start({ ...ground, kernelLog });
  for (const [index, step] of steps.entries()) {
    if (isOver()) return await world.failure(steps.slice(0, index), () => world.checkAll());
    onStep(index);
    const failure = await world.failure(steps.slice(0, index + 1), () => world.do(step));
    if (failure) return failure;
  }
  return await world.failure(steps, () => world.checkAll());
}

/** Processes, memory and mappings of one sequence. */
class World implements AsyncDisposable {
  readonly #ground: Ground;
  readonly #processes: Map<string, VfioProcess>;
  readonly #buffers = new Map<
    string,
    { readonly alloc: Alloc; readonly memory: GuestBuffer; holders: string[] }
  >();
  readonly #live = new Map<string, Live>();
  /** What was held at last, by each process. */
  readonly #locked = new Map<string, number>();
  #pinned = 0;
  /** The check under way. */
  #check: Check = { before: [], after: [] };

  private constructor(ground: Ground, parent: VfioProcess) {
    this.#ground = ground;
    this.#processes = new Map([['parent', parent]]);
  }

  static async start(ground: Ground): Promise<World> {
    const parent = await VfioProcess.start({ ...ground.host, mappings: [], calls: [] });
    const world = new World(ground, parent);
    await world.#readHoldings('parent');
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { machine, guest } = this.#ground.host;
    if (machine.died.aborted) return;
    // Children share the device: it is free when the last one has ended.
    for (const process of [...this.#processes.values()].toReversed()) await process.kill();
    await guest.shell('rm -f /dev/shm/buffer*');
  }

  /** What fails in `work`, which does or checks the last of these steps. */
  async failure(steps: readonly Step[], work: () => Promise<void>): Promise<Failure | undefined> {
    this.#check = { before: [], after: [] };
    try {
      await work();
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { steps, check: this.#check, error };
    }
  }

  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'alloc':
        await this.#alloc(step);
        break;
      case 'fork':
        await this.#fork(step.child);
        break;
      case 'map':
        await this.#map(step);
        break;
      case 'unmap':
        await this.#unmap(step.mapping);
    }
  }

  /** Every mapping from all sides, as it was when it was made. */
  async checkAll(): Promise<void> {
    for (const name of this.#live.keys()) await this.#checkState(name);
  }

  async #alloc(alloc: Alloc): Promise<void> {
    const { buffer, process: owner, kind, pages, filled } = alloc;
    const process = this.#process(owner);
    const { address } = await process.alloc(
      kind === 'split'
        ? { pages: pages + 1, kind: 'thp' }
        : kind === 'read'
          ? { pages, populate: false }
          : kind === 'file'
            ? { pages, kind, path: `/dev/shm/${buffer}` }
            : { pages, kind },
    );
    const memory = { address, size: BigInt(pages) * pageSize };
    // A huge page of which a part goes gets an entry for each page that is left.
    if (kind === 'split') await process.request('free', { address: address + memory.size, size: pageSize });
    if (kind === 'read') await process.request('madvise', { ...memory, advice: 'populateRead' });
    if (filled) await process.request('fill', { ...memory, value: BigInt(fillValue(buffer)) });
    this.#buffers.set(buffer, { alloc, memory, holders: [owner] });
  }

  async #fork(name: string): Promise<void> {
    this.#processes.set(name, await this.#process('parent').fork());
    for (const buffer of this.#buffers.values())
      if (buffer.alloc.process === 'parent') buffer.holders.push(name);
    await this.#readHoldings(name);
    await this.#checkStay('the process forked');
  }

  async #map(step: MapStep): Promise<void> {
    const { mapping: name, process: mapper, buffer, first, pages, iova, write, thread } = step;
    const { alloc, memory, holders } = this.#buffer(buffer);
    const process = this.#process(mapper);
    const others = holders.filter((holder) => holder !== mapper);
    const seen = await Promise.all(others.map((other) => this.#process(other).scan()));
    const part = { address: memory.address + BigInt(first) * pageSize, size: BigInt(pages) * pageSize };
    const options = { pages, buffer: part, write, thread, ...(iova === undefined ? {} : { iova }) };
    const mapping = await process.mapDma(options);
    const pinned = [...mapping.lookAfter.entries].filter(
      ({ level, raw }) => level !== 1 || ((raw ?? 0n) & _PAGE_SPECIAL) === 0n,
    ).length;
    const earlier = [...this.#live.keys()];
    this.#live.set(name, { step, mapping, pinned, isLeft: alloc.kind === 'hugetlb' });
    await this.#checkState(name);
    for (const [index, other] of others.entries()) {
      const before = seen[index];
      const changes = before && (await this.#process(other).changesSince(before));
      if (changes && isThere(changes, part))
        await this.#checkOther(other, changes, { buffer, first, pages, part, mapper });
    }
    await this.#checkHoldings(mapper, pinned, 'after a mapping was made');
    await this.#checkStay('another mapping was made', earlier);
  }

  async #unmap(name: string): Promise<void> {
    const { step, mapping, pinned } = this.#mapping(name);
    await mapping.unmap();
    this.#live.delete(name);
    this.#check = { before: [], after: [`await expectUnreachable(${name});`] };
    await expectUnreachable(mapping);
    await this.#checkHoldings(step.process, -pinned, 'after a mapping was undone');
    await this.#checkStay('another mapping was undone');
    // The IOMMU's tables hold what is left, and nothing else.
    const last = [...this.#live.keys()].at(-1);
    if (last !== undefined) await this.#checkState(last);
  }

  async #checkState(name: string): Promise<void> {
    const { mapping, isLeft } = this.#mapping(name);
    const { kernelLog } = this.#ground;
    const matcher = isLeft ? 'toBeReportedAsNotTaken' : 'toBeTakenFromUserMode';
    this.#check = { before: [], after: [`await expect(${name}).${matcher}(kernelLog);`] };
    await expect(mapping)[matcher](kernelLog);
  }

  async #checkStay(what: string, names: Iterable<string> = this.#live.keys()): Promise<void> {
    // The VM is stopped once for all of them.
    await this.#ground.host.machine.paused(async () => {
      for (const name of names) {
        const { mapping, isLeft } = this.#mapping(name);
        if (isLeft) continue;
        this.#check = { before: [], after: [`await expect(${name}).toStayTakenFromUserMode('${what}');`] };
        await expect(mapping).toStayTakenFromUserMode(what);
      }
    });
  }

  async #checkOther(
    other: string,
    changes: ScanDiff,
    {
      buffer,
      first,
      pages,
      part,
      mapper,
    }: Pick<MapStep, 'buffer' | 'first' | 'pages'> & { part: GuestBuffer; mapper: string },
  ): Promise<void> {
    const event = `the mapping is of ${mapper}`;
    const range = partText(buffer, first, pages);
    this.#check = {
      before: [`const seen = await ${other}.scan();`],
      after: [`expect(await ${other}.changesSince(seen)).toLeaveUnchanged(${range}, '${event}');`],
    };
    expect(changes).toLeaveUnchanged(part, event);
    await Promise.resolve();
  }

  /** The step before changed what a process holds by so many pages. */
  async #checkHoldings(process: string, by: number, event: string): Promise<void> {
    const before: Holdings = { pinned: this.#pinned, locked: this.#locked.get(process) ?? 0 };
    const now = await this.#readHoldings(process);
    const reading = `await readHoldings(guest, ${process}.pid)`;
    const was = by < 0 ? `{ pinned: held.pinned - ${-by}, locked: held.locked - ${-by} }` : 'held';
    this.#check = {
      before: [`const held = ${reading};`],
      after: [`expect(${reading}).toHoldMorePages(${was}, ${Math.max(by, 0)}, '${event}');`],
    };
    expect(now).toHoldMorePages(
      by < 0 ? { pinned: before.pinned + by, locked: before.locked + by } : before,
      Math.max(by, 0),
      event,
    );
  }

  async #readHoldings(name: string): Promise<Holdings> {
    const held = await readHoldings(this.#ground.host.guest, this.#process(name).pid);
    this.#pinned = held.pinned;
    this.#locked.set(name, held.locked);
    return held;
  }

  #process = (name: string): VfioProcess => named(this.#processes, name);
  #buffer = (name: string) => named(this.#buffers, name);
  #mapping = (name: string): Live => named(this.#live, name);
}

function named<T>(from: ReadonlyMap<string, T>, name: string): T {
  const found = from.get(name);
  if (found === undefined) throw new TypeError(`A step needs ${name}, which no step before it makes.`);
  return found;
}

function isThere({ mappedBefore }: ScanDiff, { address, size }: GuestBuffer): boolean {
  return mappedBefore(address, address + size) > 0;
}
