import { flag, layout, part, reserved, type BitField, type Layout } from '../bit-field.js';
import type { EntryKind } from '../entry.js';
import type { LevelRules } from '../format.js';
import type { Level } from '../level.js';
import { LINUX_BITS, type LinuxVersion } from './linux-bits.js';
import { x86Doubts, x86Rules, type X86Settings } from './rules.js';

/** The names of an entry's 64 bits, which depend on the level and on what the entry is. */
export function x86Layout(level: Level, kind: EntryKind, settings: X86Settings): Layout {
  if (kind === 'not-present') return notPresentLayout(level, settings.kernel);
  const rules = x86Rules(level, settings);
  const mustBeZero = kind === 'leaf' ? rules.leafReserved : rules.tableReserved;
  return layout([
    ...reserved(mustBeZero & ~x86Doubts(level, settings)),
    ...common(kind === 'leaf' ? 'the page' : 'all that the table maps'),
    ...(kind === 'leaf' ? [...largeFlag(level), ...leafOnly(level)] : []),
    ...encryption(settings.encryptionMask),
    address(kind, rules),
    ...softwareBits(settings.kernel),
  ]);
}

function common(target: string): BitField[] {
  return [
    flag(0, '_PAGE_PRESENT', 'present: hardware translates through this entry'),
    flag(1, '_PAGE_RW', `writes to ${target} are permitted`),
    flag(2, '_PAGE_USER', `user mode may access ${target}`),
    flag(3, '_PAGE_PWT', 'PAT index bit 0 (write-through)'),
    flag(4, '_PAGE_PCD', 'PAT index bit 1 (cache disable)'),
    flag(5, '_PAGE_ACCESSED', 'accessed since software cleared it'),
    flag(63, '_PAGE_NX', `instruction fetches from ${target} are forbidden (XD)`),
  ];
}

function largeFlag(level: Level): BitField[] {
  return level > 1 ? [flag(7, '_PAGE_PSE', 'maps a large page')] : [];
}

function leafOnly(level: Level): BitField[] {
  return [
    flag(6, '_PAGE_DIRTY', 'written since software cleared it'),
    level === 1
      ? flag(7, '_PAGE_PAT', 'PAT index bit 2')
      : flag(12, '_PAGE_PAT_LARGE', 'PAT index bit 2 of a large page'),
    flag(8, '_PAGE_GLOBAL', 'kept in the TLB across CR3 writes if CR4.PGE'),
    flag(59, '_PAGE_PKEY_BIT0', 'protection key bit 0'),
    flag(60, '_PAGE_PKEY_BIT1', 'protection key bit 1'),
    flag(61, '_PAGE_PKEY_BIT2', 'protection key bit 2'),
    flag(62, '_PAGE_PKEY_BIT3', 'protection key bit 3'),
  ];
}

function encryption(mask: bigint): BitField[] {
  return mask === 0n
    ? []
    : [{ ...part(0, 0, '_PAGE_ENC', 'memory is encrypted (C-bit)', 'flag'), ...span(mask) }];
}

function address(kind: EntryKind, rules: LevelRules): BitField {
  const mask = kind === 'leaf' ? rules.leafAddress : rules.tableAddress;
  const text = kind === 'leaf' ? 'physical address of the page' : 'physical address of the next table';
  return { ...part(51, 12, 'address', text, 'address'), ...span(mask) };
}

/** Lowest and highest set bit of a mask. */
function span(mask: bigint): { low: number; high: number } {
  const text = mask.toString(2);
  return { high: text.length - 1, low: text.length - 1 - text.lastIndexOf('1') };
}

function softwareBits(kernel: LinuxVersion | undefined): BitField[] {
  const low = [
    flag(9, '_PAGE_SOFTW1', 'software: _PAGE_SPECIAL, no struct page to count'),
    flag(10, '_PAGE_SOFTW2', 'software: _PAGE_UFFD_WP, write-protected by userfaultfd'),
    flag(11, '_PAGE_SOFTW3', 'software: _PAGE_SOFT_DIRTY, written since the last clear_refs'),
  ];
  if (kernel === undefined) return low;
  const { softw4, softw5 } = LINUX_BITS[kernel];
  const high = [flag(softw4, '_PAGE_SOFTW4', 'software: _PAGE_DEVMAP, device memory with struct pages')];
  if (softw5 !== undefined) {
    high.push(
      flag(softw5, '_PAGE_SOFTW5', 'software: _PAGE_SAVED_DIRTY in a leaf, _PAGE_NOPTISHADOW in a PGD'),
    );
  }
  return [...low, ...high];
}

/**
 * With P clear hardware looks at nothing else; the names are Linux's, and where a bit has two uses (a PROT_NONE page,
 * a swap entry) it keeps its name as a page bit, so that a diff against the present entry reads well.
 */
function notPresentLayout(level: Level, kernel: LinuxVersion | undefined): Layout {
  return layout([
    ...common(level > 1 ? 'all that the entry maps' : 'the page'),
    ...largeFlag(level),
    flag(6, '_PAGE_DIRTY', 'written since software cleared it'),
    flag(8, '_PAGE_PROTNONE', 'Linux: mapped PROT_NONE; the address bits are stored inverted'),
    part(51, 12, 'address', 'Linux: address or swap offset, inverted', 'address'),
    ...softwareBits(kernel),
    part(62, 59, 'swap type', 'Linux: low bits of the swap type, or the protection key of a PROT_NONE page'),
  ]);
}
