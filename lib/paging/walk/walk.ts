import { hex, highHalf, lowHalf } from '../bits.js';
import type { TableEntry } from '../entry.js';
import type { AddressSpace } from '../format.js';
import { ENTRY_BYTES, levelName, levelsFrom, levelSize, tableIndex, type Level } from '../level.js';
import type { PhysicalMemory, SyncPhysicalMemory } from '../physical-memory.js';
import { ALL_RIGHTS, rightsFromBits } from '../rights.js';
import { PagingError } from '../paging-errors.js';
import type { FaultedWalk, FaultReason, Walk, WalkStep } from './result.js';
import { faultReason } from '../violations.js';
import { onlyReply, runAsync, runSync, uint64, type MemoryTask } from './task.js';

/**
 * Translates one address, and records every entry on the way.
 *
 * @param address A canonical linear address for x86 spaces; a guest-physical or DMA address for the others.
 * @throws NonCanonicalAddressError, AddressTooWideError: there is nothing to walk. Whatever the reader throws that is
 *   not "not RAM" passes through. Everything else is a fault in the result.
 */
export async function walk<E extends TableEntry>(
  memory: PhysicalMemory,
  space: AddressSpace<E>,
  address: bigint,
): Promise<Walk<E>> {
  const seen = await runAsync(walkTask(space, address), memory);
  memory.onWalk?.(seen);
  return seen;
}

/** `walk` for a reader that needs no waiting. */
export function walkSync<E extends TableEntry>(
  memory: SyncPhysicalMemory,
  space: AddressSpace<E>,
  address: bigint,
): Walk<E> {
  return runSync(walkTask(space, address), memory);
}

/** The walk itself, which both of the above run: one read of 8 bytes per level. */
export function* walkTask<E extends TableEntry>(
  space: AddressSpace<E>,
  address: bigint,
): MemoryTask<Walk<E>> {
  const { format, levels, root } = space;
  format.checkAddress(address, levels);
  const steps: WalkStep<E>[] = [];
  const base = { format: format.name, address, root, levels, steps };
  let tableAddress = root;
  let effective = ALL_RIGHTS;

  for (const level of levelsFrom(levels)) {
    const index = tableIndex(address, level);
    const entryAddress = tableAddress + BigInt(index * ENTRY_BYTES);
    const reply = onlyReply(yield [{ address: entryAddress, length: ENTRY_BYTES }]);
    if (reply instanceof Error) {
      return faulted(base, 'unreadable', level, entryAddress, undefined, reply.message);
    }

    const raw = uint64(reply);
    const entry = format.decode(raw, level);
    const step = { level, name: levelName(level), tableAddress, index, entryAddress, raw, entry };
    steps.push(step);
    if (entry.kind === 'not-present') {
      // The kernel's own half holds no such entries.
      const words = address < 1n << 63n ? format.absence?.(raw, level) : undefined;
      const detail = `the entry is not present${words === undefined ? '' : ` (${words})`}`;
      return faulted(base, 'not-present', level, entryAddress, raw, detail);
    }
    if (entry.violations.length > 0) {
      const rules = entry.violations.map((violation) => violation.message).join('; ');
      return faulted(base, faultReason(format.name, entry.violations), level, entryAddress, raw, rules);
    }

    const rights = format.rights(lowHalf(raw), highHalf(raw));
    effective &= rights;
    const target = entry.address;
    if (target === undefined) throw new PagingError(`A present ${format.name} entry decoded to no address.`);
    if (entry.kind === 'leaf') {
      const pageSize = levelSize(level);
      return {
        ...base,
        mapped: true,
        leaf: step,
        pageSize,
        pageAddress: target,
        physicalAddress: target | (address & (pageSize - 1n)),
        leafRights: rightsFromBits(rights),
        effectiveRights: rightsFromBits(effective),
        fault: undefined,
      };
    }
    tableAddress = target;
  }
  // Level 1 rules say that every present entry is a leaf, so the loop always returns.
  throw new PagingError(`The ${format.name} rules let a level 1 entry point to a table.`);
}

function faulted<E extends TableEntry>(
  base: Pick<FaultedWalk<E>, 'format' | 'address' | 'root' | 'levels' | 'steps'>,
  reason: FaultReason,
  level: Level,
  entryAddress: bigint,
  raw: bigint | undefined,
  detail: string,
): FaultedWalk<E> {
  const name = levelName(level);
  const value = raw === undefined ? '' : ` = ${hex(raw)}`;
  const message = `${hex(base.address)} has no translation: ${name} entry at ${hex(entryAddress)}${value}: ${detail}`;
  return {
    ...base,
    mapped: false,
    leaf: undefined,
    fault: { reason, level, name, entryAddress, raw, message },
  };
}
