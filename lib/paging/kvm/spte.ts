import { bits, field, hasBit } from '../bits.js';
import { flag, layout, part, type Decoded, type Layout } from '../bit-field.js';
import { decodeEptEntry, type EptEntry } from '../ept/entry.js';
import type { Level } from '../level.js';
import { assertRaw } from '../raw.js';
import { x86Decoder, type X86Entry } from '../x86/entry.js';
import { x86Settings } from '../x86/rules.js';
import type { LinuxVersion } from '../x86/linux-bits.js';
import { SPTE_LAYOUTS } from './layout.js';
import { decodeMmio, mmioFields, type MmioSpte } from './mmio.js';
import { spteMasks, type SpteOptions } from './options.js';

/** How KVM tracks accesses and writes of a page: bits 53:52. */
export type AdTracking = 'enabled' | 'disabled' | 'write-protect-only' | 'reserved';

const AD_TRACKING: readonly AdTracking[] = ['enabled', 'disabled', 'write-protect-only', 'reserved'];

interface SpteBase extends Decoded {
  readonly type: 'kvm-spte';
  readonly kernel: LinuxVersion;
  readonly mmu: 'ept' | 'npt';
  readonly level: Level;
  /** The same bits as the hardware reads them. */
  readonly hardware: EptEntry | X86Entry;
}

/** Maps nothing ('empty'), is being worked on ('frozen'), or is nothing that KVM writes ('unknown'). */
export interface AbsentSpte extends SpteBase {
  readonly state: 'empty' | 'frozen' | 'unknown';
}

/** MMU-present: backed by memory or by a table, though access tracking may have taken its hardware rights. */
export interface PresentSpte extends SpteBase {
  readonly state: 'present';
  readonly adTracking: AdTracking;
  /** The rights were taken to notice the next access; `savedRead` and `savedExecute` are what it had. EPT only. */
  readonly accessTracked: boolean;
  readonly savedRead: boolean;
  readonly savedExecute: boolean;
  /** The host lets the guest write (memslot and VMA permit it). */
  readonly hostWritable: boolean;
  /** The MMU may make it writable without a lock: no guest page table is shadowed there. */
  readonly mmuWritable: boolean;
}

/** A deliberate misconfiguration or reserved bit: accesses are MMIO, and KVM finds all it needs in the entry. */
export type MmioKvmSpte = SpteBase & MmioSpte & { readonly state: 'mmio' };

export type KvmSpte = AbsentSpte | PresentSpte | MmioKvmSpte;

const MMU_PRESENT = 11;

/**
 * Decodes an entry of KVM's EPT or NPT as KVM itself does (arch/x86/kvm/mmu/spte.h). Total: every value has a state.
 * Rights that the hardware sees are in `hardware`.
 */
export function decodeSpte(raw: bigint, level: Level, options: SpteOptions): KvmSpte {
  assertRaw(raw, 'SPTE');
  const { kernel, mmu } = options;
  const constants = SPTE_LAYOUTS[kernel];
  const masks = spteMasks(options);
  const width = options.physicalBits === undefined ? {} : { maxPhysicalAddress: options.physicalBits };
  const hardware =
    mmu === 'ept' ? decodeEptEntry(raw, level, width) : x86Decoder(x86Settings(width), 'npt')(raw, level);
  const base = { type: 'kvm-spte', kernel, mmu, level, raw, hardware } as const;
  // The same order as KVM: an MMIO SPTE is never MMU-present, a frozen one never MMIO.
  if (raw === constants.empty) return { ...base, fields: hardware.fields, state: 'empty' };
  if (raw === constants.frozen) return { ...base, fields: hardware.fields, state: 'frozen' };
  if ((raw & masks.mmioMask) === masks.mmioValue) {
    return { ...base, fields: mmioFields(masks), state: 'mmio', ...decodeMmio(raw, masks) };
  }
  if (!hasBit(raw, MMU_PRESENT)) return { ...base, fields: hardware.fields, state: 'unknown' };

  const adTracking = AD_TRACKING[field(raw, 53, 52)] ?? 'reserved';
  return {
    ...base,
    fields: presentFields(mmu, hardware.fields, !hardware.present),
    state: 'present',
    adTracking,
    accessTracked: mmu === 'ept' && adTracking === 'disabled' && (raw & bits(2, 0)) === 0n,
    savedRead: hasBit(raw, 54),
    savedExecute: hasBit(raw, 56),
    hostWritable: hasBit(raw, mmu === 'ept' ? 57 : 9),
    mmuWritable: hasBit(raw, mmu === 'ept' ? 58 : 10),
  };
}

/** KVM's names over the hardware's: the software bits are all ignored by hardware. */
function presentFields(mmu: 'ept' | 'npt', hardware: Layout, absent: boolean): Layout {
  return layout([
    flag(MMU_PRESENT, 'SPTE_MMU_PRESENT_MASK', 'backed by memory or by a table'),
    part(53, 52, 'SPTE_TDP_AD', 'tracking: 0 accessed and dirty bits, 1 none, 2 write protection'),
    flag(54, 'saved readable', 'it was readable before access tracking took the rights'),
    flag(56, 'saved executable', 'it was executable before access tracking took the rights'),
    ...(mmu === 'ept'
      ? [
          flag(57, 'EPT_SPTE_HOST_WRITABLE', 'the host lets the guest write'),
          flag(58, 'EPT_SPTE_MMU_WRITABLE', 'may be made writable without a lock'),
        ]
      : [
          flag(9, 'DEFAULT_SPTE_HOST_WRITABLE', 'the host lets the guest write'),
          flag(10, 'DEFAULT_SPTE_MMU_WRITABLE', 'may be made writable without a lock'),
        ]),
    ...hardware.filter(({ role }) => role !== 'ignored' && !(absent && role === 'address')),
    ...(absent ? [part(51, 12, 'address', 'what KVM keeps there; to the hardware nothing', 'address')] : []),
  ]);
}
