import type { TableEntry } from '../entry.js';
import { AddressTooWideError, NotRamError } from '../paging-errors.js';
import type { AddressSpace } from '../format.js';
import type { PhysicalMemory, SyncPhysicalMemory } from '../physical-memory.js';
import type { FaultedWalk, Walk } from './result.js';
import { runAsync, runSync, type MemoryTask, type ReadReply } from './task.js';
import { walkTask } from './walk.js';

/** The two dimensions of a guest's translation. */
export interface NestedSpaces<G extends TableEntry, S extends TableEntry> {
  /** The guest's own tables; every address in them is guest-physical. */
  readonly guest: AddressSpace<G>;
  /** NPT or EPT: guest-physical to host-physical. */
  readonly second: AddressSpace<S>;
}

/** One walk of the second dimension, and what it was for. */
export interface NestedStep<S extends TableEntry> {
  /** 'table': to read the guest's entry at `guestPhysical`. 'page': to reach the translated page. */
  readonly purpose: 'table' | 'page';
  readonly guestPhysical: bigint;
  readonly walk: Walk<S>;
}

/** A two-dimensional walk: guest-linear to guest-physical to host-physical. */
export interface NestedWalk<G extends TableEntry = TableEntry, S extends TableEntry = TableEntry> {
  readonly address: bigint;
  /**
   * The guest's own walk; its addresses are guest-physical. If the second dimension does not map one of the guest's
   * tables, it ends there with an 'unreadable' fault, and `secondFault` says why.
   */
  readonly guest: Walk<G>;
  /** Every walk of the second dimension, in order: one per guest level, and one for the page itself. */
  readonly nested: readonly NestedStep<S>[];
  /** What the guest's address translates to; undefined if either dimension faults. */
  readonly guestPhysicalAddress: bigint | undefined;
  /** Where the bytes are; undefined if either dimension faults. */
  readonly physicalAddress: bigint | undefined;
  /** The fault in the second dimension (an EPT violation or misconfiguration, an #NPF), if there is one. */
  readonly secondFault: FaultedWalk<S> | undefined;
}

/**
 * Walks both dimensions, recording every nested step: with four levels each, up to 24 entries are read.
 * @throws as `walk` does for the guest's address.
 */
export async function walkNested<G extends TableEntry, S extends TableEntry>(
  memory: PhysicalMemory,
  spaces: NestedSpaces<G, S>,
  address: bigint,
): Promise<NestedWalk<G, S>> {
  const seen = await runAsync(walkNestedTask(spaces, address), memory);
  memory.onWalk?.(seen);
  return seen;
}

/** `walkNested` for a reader that needs no waiting. */
export function walkNestedSync<G extends TableEntry, S extends TableEntry>(
  memory: SyncPhysicalMemory,
  spaces: NestedSpaces<G, S>,
  address: bigint,
): NestedWalk<G, S> {
  return runSync(walkNestedTask(spaces, address), memory);
}

/** The walk itself: the guest's walk, with each of its reads translated first. */
function* walkNestedTask<G extends TableEntry, S extends TableEntry>(
  { guest, second }: NestedSpaces<G, S>,
  address: bigint,
): MemoryTask<NestedWalk<G, S>> {
  const nested: NestedStep<S>[] = [];
  const task = walkTask(guest, address);
  let state = task.next([]);
  while (state.done !== true) {
    const replies: ReadReply[] = [];
    for (const request of state.value) {
      const step = yield* secondStep(second, 'table', request.address);
      nested.push(step);
      if (step.walk.mapped) replies.push(...(yield [{ ...request, address: step.walk.physicalAddress }]));
      else replies.push(new NotRamError(request.address, step.walk.fault.message));
    }
    state = task.next(replies);
  }

  const walked = state.value;
  const base = { address, guest: walked, nested };
  if (!walked.mapped) {
    const last = nested.at(-1)?.walk;
    return {
      ...base,
      guestPhysicalAddress: undefined,
      physicalAddress: undefined,
      secondFault: faultOf(last),
    };
  }
  const step = yield* secondStep(second, 'page', walked.physicalAddress);
  nested.push(step);
  return {
    ...base,
    guestPhysicalAddress: walked.physicalAddress,
    physicalAddress: step.walk.mapped ? step.walk.physicalAddress : undefined,
    secondFault: faultOf(step.walk),
  };
}

function faultOf<S extends TableEntry>(walk: Walk<S> | undefined): FaultedWalk<S> | undefined {
  return walk?.mapped === false ? walk : undefined;
}

function* secondStep<S extends TableEntry>(
  second: AddressSpace<S>,
  purpose: 'table' | 'page',
  guestPhysical: bigint,
): MemoryTask<NestedStep<S>> {
  return { purpose, guestPhysical, walk: yield* secondWalk(second, guestPhysical) };
}

/** The second-dimension walk of a guest-physical address; one that is too wide is mapped by nothing. */
function* secondWalk<S extends TableEntry>(second: AddressSpace<S>, address: bigint): MemoryTask<Walk<S>> {
  try {
    return yield* walkTask(second, address);
  } catch (error) {
    if (!(error instanceof AddressTooWideError)) throw error;
    const { format, root, levels } = second;
    const name = levels === 5 ? 'PML5' : levels === 4 ? 'PML4' : 'PDPT';
    const fault = { reason: 'not-present', level: levels, name, entryAddress: root, raw: undefined } as const;
    return {
      format: format.name,
      address,
      root,
      levels,
      steps: [],
      mapped: false,
      leaf: undefined,
      fault: { ...fault, message: error.message },
    };
  }
}
