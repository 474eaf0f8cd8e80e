import { fieldLines, fieldMask, type Decoded } from './bit-field.js';
import { hex } from './bits.js';
import type { Violation } from './entry.js';
import type { EptEntry } from './ept/entry.js';
import type { Eptp } from './ept/eptp.js';
import type { EptVpidCap } from './ept/vpid-cap.js';
import type { EptViolation } from './fault/ept-violation.js';
import type { PageFault } from './fault/page-fault.js';
import type { Pferr } from './fault/pferr.js';
import type { KvmSpte } from './kvm/spte.js';
import { levelName } from './level.js';
import type { ContextEntry } from './vtd/context.js';
import type { RootEntry, RootTableAddress } from './vtd/root.js';
import type { SecondLevelEntry } from './vtd/second-level.js';
import type { Cr3 } from './x86/cr3.js';
import type { X86Entry } from './x86/entry.js';
import { absenceWords, linuxWords } from './x86/linux-words.js';
import type { Efer, MiscEnable } from './x86/msr.js';

/** Every kind of value that this library decodes. */
export type AnyDecoded =
  | X86Entry
  | EptEntry
  | SecondLevelEntry
  | KvmSpte
  | Cr3
  | Eptp
  | EptVpidCap
  | RootTableAddress
  | RootEntry
  | ContextEntry
  | PageFault
  | Pferr
  | EptViolation
  | MiscEnable
  | Efer;

/** One line about a decoded value: what it is, its value, and what it says. */
export function summary(value: AnyDecoded): string {
  switch (value.type) {
    case 'x86-entry':
    case 'ept-entry':
    case 'vtd-entry':
      return summaryOfEntry(value);
    case 'kvm-spte':
      return summaryOfSpte(value);
    case 'cr3':
      return `CR3 ${hex(value.raw)}: top table at ${hex(value.base)}${value.pcid === undefined ? '' : `, PCID ${value.pcid}`}`;
    case 'eptp': {
      const problems = value.problems.length === 0 ? '' : `; invalid: ${value.problems.join(', ')}`;
      return `EPTP ${hex(value.raw)}: ${value.walkLength} levels from ${hex(value.root)}, tables ${value.memoryType}, accessed and dirty flags ${value.accessDirty ? 'on' : 'off'}${problems}`;
    }
    case 'rtaddr':
      return `RTADDR_REG ${hex(value.raw)}: ${value.mode} mode, root table at ${hex(value.table)}`;
    case 'vtd-root':
      return `root entry ${hex(value.raw)}: ${value.present ? `context table at ${hex(value.contextTable)}` : 'not present'}`;
    case 'vtd-context':
      return `context entry ${hex(value.raw)}: ${value.present ? summaryOfContext(value) : 'not present'}`;
    case 'page-fault':
      return `#PF error code ${hex(value.raw)}: ${flagNames(value) || 'a kernel read of a page that is not present'}`;
    case 'pferr':
      return `KVM error code ${hex(value.raw)}: ${flagNames(value) || 'no flag'}`;
    case 'ept-violation':
      return `EPT violation ${hex(value.raw)}: ${flagNames(value) || 'no flag'}`;
    case 'ept-vpid-cap':
      return `IA32_VMX_EPT_VPID_CAP ${hex(value.raw)}: ${flagNames(value) || 'no flag'}`;
    case 'misc-enable':
      return `IA32_MISC_ENABLE ${hex(value.raw)}: ${flagNames(value) || 'no flag'}`;
    case 'efer':
      return `IA32_EFER ${hex(value.raw)}: ${flagNames(value) || 'no flag'}`;
  }
}

/** All about a decoded value: the summary, then a line for every field that is not zero, then the rules it breaks. */
export function describe(value: AnyDecoded): string {
  const lines = [summary(value), ...fieldLines(value.fields, value.raw)];
  if (value.type === 'vtd-context') lines.push(' upper half:', ...fieldLines(value.highFields, value.high));
  lines.push(...violationsOf(value).map(({ message }) => `  broken rule: ${message}`));
  if (value.type === 'x86-entry' && value.linux !== undefined) {
    lines.push(`  Linux ${value.linux.kernel}: ${linuxWords(value.linux)}`);
  }
  return lines.join('\n');
}

function summaryOfEntry(entry: X86Entry | EptEntry | SecondLevelEntry): string {
  const names = flagNames(entry);
  const rest = [
    ...(names === '' ? [] : [names]),
    ...(entry.type === 'ept-entry' && entry.memoryType !== undefined
      ? [`memory type ${entry.memoryType}`]
      : []),
    ...(entry.type === 'x86-entry' && entry.protectionKey !== 0
      ? [`protection key ${entry.protectionKey}`]
      : []),
    ...broken(entry),
  ];
  return `${levelName(entry.level)} entry ${hex(entry.raw)}: ${[target(entry), ...rest].join('; ')}`;
}

/** The rules that an entry breaks. An MMIO SPTE breaks one on purpose, and an absent one is no entry. */
function violationsOf(value: AnyDecoded): readonly Violation[] {
  if (value.type === 'kvm-spte') return value.state === 'present' ? value.hardware.violations : [];
  return 'violations' in value ? value.violations : [];
}

function broken(value: AnyDecoded): string[] {
  return violationsOf(value).map(({ message }) => `BROKEN: ${message}`);
}

function target(entry: X86Entry | EptEntry | SecondLevelEntry): string {
  if (entry.address === undefined || entry.kind === 'not-present') {
    const { level, raw } = entry;
    if (entry.type !== 'x86-entry' || entry.format !== 'x86') return 'not present';
    const words =
      entry.linux?.state === 'empty' ? linuxWords(entry.linux) : absenceWords(raw, level, entry.linux);
    return words === undefined ? 'not present' : `not present (${words})`;
  }
  if (entry.kind === 'table') return `table at ${hex(entry.address)}`;
  return `${sizeWords(entry.size ?? 0n)} page at ${hex(entry.address)}`;
}

/** 4 KiB, 2 MiB, 1 GiB. */
export function sizeWords(size: bigint): string {
  if (size >= 1n << 30n && size % (1n << 30n) === 0n) return `${size >> 30n} GiB`;
  if (size >= 1n << 20n && size % (1n << 20n) === 0n) return `${size >> 20n} MiB`;
  return size % 1024n === 0n ? `${size >> 10n} KiB` : `${size} bytes`;
}

function summaryOfSpte(spte: KvmSpte): string {
  const head = `SPTE ${hex(spte.raw)} (${spte.mmu.toUpperCase()}, Linux ${spte.kernel})`;
  switch (spte.state) {
    case 'mmio':
      return `${head}: MMIO, gpa ${hex(spte.gpa)}, access ${spte.access}, generation ${spte.generation}`;
    case 'present': {
      const words = [
        ...(spte.hostWritable ? ['host-writable'] : []),
        ...(spte.mmuWritable ? ['MMU-writable'] : []),
        ...(spte.accessTracked ? ['access-tracked'] : []),
        `A/D tracking ${spte.adTracking}`,
      ];
      return `${head}: ${[target(spte.hardware), words.join(', '), ...broken(spte)].join('; ')}`;
    }
    case 'empty':
    case 'frozen':
    case 'unknown':
      return `${head}: ${spte.state}`;
  }
}

function summaryOfContext(entry: ContextEntry): string {
  const levels =
    entry.levels === undefined ? `bad address width ${entry.addressWidth}` : `${entry.levels} levels`;
  return `${entry.translationType}, ${levels} from ${hex(entry.table)}, domain ${entry.domain}`;
}

/** The names of the flags that are set. */
function flagNames(value: Decoded): string {
  return value.fields
    .filter((field) => field.role === 'flag' && (value.raw & fieldMask(field)) !== 0n)
    .map((field) => field.name)
    .join(' ');
}
