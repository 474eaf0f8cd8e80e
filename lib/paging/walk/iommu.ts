import { bits, hex } from '../bits.js';
import { AddressTooWideError, InvalidArgumentError } from '../paging-errors.js';
import type { PhysicalMemory, SyncPhysicalMemory } from '../physical-memory.js';
import { decodeContextEntry, reservedContextBits, type ContextEntry } from '../vtd/context.js';
import {
  decodeRootEntry,
  decodeRootTableAddress,
  type RootEntry,
  type RootTableAddress,
} from '../vtd/root.js';
import { secondLevelFormat, type SecondLevelEntry, type SecondLevelOptions } from '../vtd/second-level.js';
import type { AddressSpace } from '../format.js';
import type { Walk, WalkFault } from './result.js';
import { onlyReply, runAsync, runSync, uint64, type MemoryTask } from './task.js';
import { walkTask } from './walk.js';

/** A PCI function as its requests name it. */
export interface SourceId {
  /** 0 to 255. */
  readonly bus: number;
  /** 0 to 31. */
  readonly device: number;
  /** 0 to 7. */
  readonly function: number;
}

export interface IommuOptions extends SecondLevelOptions {
  /** The value of RTADDR_REG (offset 0x20 of the remapping hardware: `xp /1gx 0xfed90020` on a q35 machine). */
  readonly rtaddr: bigint;
  readonly source: SourceId;
}

/**
 * Why a DMA address has no translation.
 * - `mode`: the IOMMU is not in legacy mode; `message` says which mode it is in.
 * - `root-not-present`, `context-not-present`: the bus or the device has no tables.
 * - `reserved-bits`: a root or context entry has a bit set that is reserved.
 * - `translation-type`, `address-width`: the context entry holds a reserved value.
 * - `address-too-wide`: the tables translate fewer bits.
 * - `second-level`: the walk of the second-level tables faulted; see `translation`.
 * - `unreadable`: the root or context table lies outside RAM.
 */
export type IommuFaultReason =
  | 'mode'
  | 'root-not-present'
  | 'context-not-present'
  | 'reserved-bits'
  | 'translation-type'
  | 'address-width'
  | 'address-too-wide'
  | 'second-level'
  | 'unreadable';

/**
 * The fault reason that the hardware would record in legacy mode (VT-d rev 4.1, 7.1.3, LRT.*, LCT.*, LGN.*, LSL.*), as far as it follows from the
 * tables: what is not mapped at all is 6 for a read, and would be 5 for a write.
 */
const recorded = {
  mode: undefined,
  'root-not-present': 0x1,
  'context-not-present': 0x2,
  'translation-type': 0x3,
  'address-width': 0x3,
  'address-too-wide': 0x4,
} as const;
const unreadableAt = { root: 0x8, context: 0x9 } as const;
const reservedIn = { root: 0xa, context: 0xb } as const;
const secondLevel: Partial<Record<WalkFault['reason'], number>> = {
  'not-present': 0x6,
  unreadable: 0x7,
  'reserved-bits': 0xc,
};

export interface IommuFault {
  readonly reason: IommuFaultReason;
  /** Physical address of the entry at which it ended; undefined if none was read. */
  /** The hardware's fault reason for it (FR of the fault record); undefined where legacy mode has none. */
  readonly code: number | undefined;
  readonly entryAddress: bigint | undefined;
  readonly message: string;
  /** The fault of the second-level walk, if it was that. */
  readonly walkFault: WalkFault | undefined;
}

/** A device's access, followed from RTADDR_REG down. What was not reached is undefined. */
export interface IommuWalk {
  readonly iova: bigint;
  readonly source: SourceId;
  readonly rootTable: RootTableAddress;
  readonly root: { readonly address: bigint; readonly entry: RootEntry } | undefined;
  readonly context: { readonly address: bigint; readonly entry: ContextEntry } | undefined;
  /** The walk of the second-level tables; undefined also for pass-through. */
  readonly translation: Walk<SecondLevelEntry> | undefined;
  /** Where the device's access goes; undefined if it faults. */
  readonly physicalAddress: bigint | undefined;
  /** What the device may do there; undefined if it faults. */
  readonly rights: { readonly read: boolean; readonly write: boolean } | undefined;
  readonly fault: IommuFault | undefined;
}

/**
 * Translates the address of a device's DMA request through VT-d in legacy mode (VT-d specification, chapter 3: root
 * entry of the bus → context entry of the function → second-level tables). Scalable mode is recognised and reported as
 * a `mode` fault.
 *
 * @throws InvalidArgumentError for a source that no PCI function can have; what the reader throws that is not "not RAM".
 */
export function walkIommu(memory: PhysicalMemory, options: IommuOptions, iova: bigint): Promise<IommuWalk> {
  return runAsync(walkIommuTask(options, iova), memory);
}

/** `walkIommu` for a reader that needs no waiting. */
export function walkIommuSync(memory: SyncPhysicalMemory, options: IommuOptions, iova: bigint): IommuWalk {
  return runSync(walkIommuTask(options, iova), memory);
}

const ENTRY_BYTES = 16;

/** The walk itself, which both of the above run. */
function* walkIommuTask(options: IommuOptions, iova: bigint): MemoryTask<IommuWalk> {
  const { source } = options;
  assertSource(source);
  const rootTable = decodeRootTableAddress(options.rtaddr);
  const empty: IommuWalk = {
    iova,
    source,
    rootTable,
    root: undefined,
    context: undefined,
    translation: undefined,
    physicalAddress: undefined,
    rights: undefined,
    fault: undefined,
  };
  const name = `device ${source.bus.toString(16).padStart(2, '0')}:${source.device.toString(16).padStart(2, '0')}.${source.function}`;
  const end = (
    walked: IommuWalk,
    reason: IommuFaultReason,
    entryAddress: bigint | undefined,
    detail: string,
    code: number | undefined = reason in recorded ? recorded[reason as keyof typeof recorded] : undefined,
  ) =>
    faulted(
      walked,
      { reason, code, entryAddress },
      `iova ${hex(iova)} of ${name} has no translation: ${detail}`,
    );

  if (rootTable.mode !== 'legacy') {
    const detail = `RTADDR_REG ${hex(options.rtaddr)} selects ${rootTable.mode} mode, and only legacy mode can be walked`;
    return end(empty, 'mode', undefined, detail);
  }

  const rootAddress = rootTable.table + BigInt(source.bus * ENTRY_BYTES);
  const rootReply = onlyReply(yield [{ address: rootAddress, length: ENTRY_BYTES }]);
  if (rootReply instanceof Error)
    return end(empty, 'unreadable', rootAddress, rootReply.message, unreadableAt.root);
  const rootEntry = decodeRootEntry(uint64(rootReply), uint64(rootReply, 8));
  const atRoot = { ...empty, root: { address: rootAddress, entry: rootEntry } };
  if (!rootEntry.present) {
    return end(
      atRoot,
      'root-not-present',
      rootAddress,
      `the root entry at ${hex(rootAddress)} is not present`,
    );
  }
  const hostWidth = options.maxPhysicalAddress ?? 52;
  if ((rootEntry.otherBits | rootEntry.high | (rootEntry.raw & bits(63, hostWidth))) !== 0n) {
    return end(
      atRoot,
      'reserved-bits',
      rootAddress,
      `reserved bits of the root entry at ${hex(rootAddress)} are set`,
      reservedIn.root,
    );
  }

  const contextAddress = rootEntry.contextTable + BigInt((source.device * 8 + source.function) * ENTRY_BYTES);
  const contextReply = onlyReply(yield [{ address: contextAddress, length: ENTRY_BYTES }]);
  if (contextReply instanceof Error) {
    return end(atRoot, 'unreadable', contextAddress, contextReply.message, unreadableAt.context);
  }
  const context = decodeContextEntry(uint64(contextReply), uint64(contextReply, 8));
  const walked = { ...atRoot, context: { address: contextAddress, entry: context } };
  const where = `the context entry at ${hex(contextAddress)}`;
  if (!context.present) return end(walked, 'context-not-present', contextAddress, `${where} is not present`);
  const reserved = reservedContextBits(hostWidth);
  const [low, high] = [context.raw & reserved.low, context.high & reserved.high];
  if ((low | high) !== 0n) {
    const detail = `reserved bits of ${where} are set: ${hex(low)} of the lower half, ${hex(high)} of the upper one`;
    return end(walked, 'reserved-bits', contextAddress, detail, reservedIn.context);
  }
  if (context.translationType === 'reserved') {
    return end(walked, 'translation-type', contextAddress, `${where} has a reserved translation type`);
  }
  if (context.levels === undefined) {
    const detail = `${where} has address width ${context.addressWidth}, which does not exist`;
    return end(walked, 'address-width', contextAddress, detail);
  }
  if (context.translationType === 'pass-through') {
    const width = 12 + 9 * context.levels;
    if (iova >> BigInt(width) !== 0n) {
      const detail = `${where} passes addresses of ${width} bits through`;
      return end(walked, 'address-too-wide', contextAddress, detail);
    }
    return { ...walked, physicalAddress: iova, rights: { read: true, write: true } };
  }

  const space = secondLevelSpace({ ...options, table: context.table, levels: context.levels });
  let translation: Walk<SecondLevelEntry>;
  try {
    translation = yield* walkTask(space, iova);
  } catch (error) {
    // How many bits the tables translate is known only here, so it is a finding and not the caller's mistake.
    if (error instanceof AddressTooWideError)
      return end(walked, 'address-too-wide', contextAddress, error.message);
    throw error;
  }
  if (!translation.mapped) {
    const { fault } = translation;
    const ended = faulted(
      walked,
      { reason: 'second-level', code: secondLevel[fault.reason], entryAddress: fault.entryAddress },
      `${name}: ${fault.message}`,
      fault,
    );
    return { ...ended, translation };
  }
  const { read, write } = translation.effectiveRights;
  return { ...walked, translation, physicalAddress: translation.physicalAddress, rights: { read, write } };
}

/** The second-level tables of a domain, to be walked or scanned on their own. */
export function secondLevelSpace(
  options: SecondLevelOptions & { readonly table: bigint; readonly levels: 3 | 4 | 5 },
): AddressSpace<SecondLevelEntry> {
  return { format: secondLevelFormat(options), root: options.table & bits(51, 12), levels: options.levels };
}

function faulted(
  walked: IommuWalk,
  what: Pick<IommuFault, 'reason' | 'code' | 'entryAddress'>,
  message: string,
  walkFault?: WalkFault,
): IommuWalk {
  return { ...walked, fault: { ...what, message, walkFault } };
}

function assertSource({ bus, device, function: fn }: SourceId): void {
  const fits = (value: number, limit: number): boolean =>
    Number.isInteger(value) && value >= 0 && value < limit;
  if (!fits(bus, 256) || !fits(device, 32) || !fits(fn, 8)) {
    throw new InvalidArgumentError(
      `No PCI function has bus ${bus}, device ${device}, function ${fn}: the limits are 255, 31 and 7.`,
    );
  }
}
