import { bit, bits } from '../bits.js';
import { InvalidArgumentError } from '../paging-errors.js';
import type { LevelRules } from '../format.js';
import type { Level } from '../level.js';
import { PTE_PFN_MASK, _PAGE_NX, _PAGE_PAT_LARGE, _PAGE_PRESENT, _PAGE_PSE } from './bits.js';
import type { LinuxVersion } from './linux-bits.js';

/** What must be known of the processor to read its entries. */
export interface X86Options {
  /** EFER.NXE: bit 63 is execute-disable. Without it bit 63 is reserved. Default true. */
  readonly nxe?: boolean;
  /**
   * MAXPHYADDR (CPUID 0x80000008 EAX 7:0), 32 to 52. Default 52: no address bit counts as reserved. 'unknown': an entry that sets a
   * bit from 32 up has no sure meaning, and is a fault of that kind.
   */
  readonly maxPhysicalAddress?: number | 'unknown';
  /** The C-bit of AMD's SME or SEV as a mask (CPUID 0x8000001f EBX 5:0): part of no address. Default 0. */
  readonly encryptionMask?: bigint;
  /** The processor has 1 GiB pages (CPUID 0x80000001 EDX 26). Without them PS in a PDPTE is reserved. Default true. */
  readonly gigabytePages?: boolean | 'unknown';
  /** Whose software bits to name. Without it they stay `_PAGE_SOFTW1` to 3 and unnamed ignored bits. */
  readonly kernel?: LinuxVersion;
}

/** The same with nothing left open. */
export interface X86Settings {
  readonly nxe: boolean;
  readonly maxPhysicalAddress: number | 'unknown';
  readonly encryptionMask: bigint;
  readonly gigabytePages: boolean | 'unknown';
  readonly kernel: LinuxVersion | undefined;
}

/** Fills in the defaults and rejects what no processor has. */
export function x86Settings(options: X86Options): X86Settings {
  const settings = {
    nxe: options.nxe ?? true,
    maxPhysicalAddress: options.maxPhysicalAddress ?? 52,
    encryptionMask: options.encryptionMask ?? 0n,
    gigabytePages: options.gigabytePages ?? true,
    kernel: options.kernel,
  };
  if (settings.maxPhysicalAddress !== 'unknown') assertPhysicalWidth(settings.maxPhysicalAddress);
  const { encryptionMask } = settings;
  if ((encryptionMask & ~PTE_PFN_MASK) !== 0n || (encryptionMask & (encryptionMask - 1n)) !== 0n) {
    throw new InvalidArgumentError('encryptionMask must be one of the address bits 51:12, or 0.');
  }
  return settings;
}

const LEAST_WIDTH = 32;

/** MAXPHYADDR of a 64-bit processor is 32 to 52. */
export function assertPhysicalWidth(width: number): void {
  if (!Number.isInteger(width) || width < LEAST_WIDTH || width > 52) {
    throw new InvalidArgumentError(`maxPhysicalAddress is ${width}, but processors have 32 to 52 bits.`);
  }
}

/** Bits that some processors reserve and others do not, where it is not known what this one does. */
export function x86Doubts(level: Level, settings: X86Settings): bigint {
  const width =
    settings.maxPhysicalAddress === 'unknown' ? bits(51, LEAST_WIDTH) & ~settings.encryptionMask : 0n;
  return width | (level === 3 && settings.gigabytePages === 'unknown' ? _PAGE_PSE : 0n);
}

/**
 * Entries of one level (SDM vol. 3, tables 4-15 to 4-20 and section 4.5.4). Reserved are: address bits from MAXPHYADDR
 * up, bit 63 without NXE, PS where no large page exists, and below the page's alignment in a large leaf all address
 * bits but PAT. Bits in doubt count as reserved, so that nothing is concluded from an entry that sets one.
 */
export function x86Rules(level: Level, settings: X86Settings): LevelRules {
  const largeExists = level === 2 || (level === 3 && settings.gigabytePages !== false);
  const width = settings.maxPhysicalAddress === 'unknown' ? 52 : settings.maxPhysicalAddress;
  const beyond = bits(51, width) & ~settings.encryptionMask;
  const doubts = x86Doubts(level, settings);
  const always = beyond | (settings.nxe ? 0n : _PAGE_NX);
  const address = PTE_PFN_MASK & ~settings.encryptionMask & ~beyond;
  const alignment = bits(11 + 9 * (level - 1), 12);
  return {
    present: _PAGE_PRESENT,
    leaf: level === 1 ? 'always' : largeExists ? 'bit-7' : 'never',
    tableReserved: always | (doubts & ~_PAGE_PSE) | (level > 1 && !largeExists ? _PAGE_PSE : 0n),
    leafReserved: always | doubts | (level > 1 ? alignment & ~_PAGE_PAT_LARGE : 0n),
    tableAddress: address,
    leafAddress: address & ~alignment,
    tableForbidden: 0n,
    leafForbidden: 0n,
  };
}

/** Bit 12 of a large page is PAT, bit 7 of a 4 KiB page. */
export function patBit(level: Level): bigint {
  return level === 1 ? bit(7) : _PAGE_PAT_LARGE;
}
