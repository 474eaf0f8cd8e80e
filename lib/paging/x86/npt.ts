import type { AddressSpace, EntryFormat } from '../format.js';
import { bits } from '../bits.js';
import { AddressTooWideError } from '../paging-errors.js';
import { addressBits, type Depth } from '../level.js';
import { x86Decoder, type X86Entry } from './entry.js';
import { x86Format, type X86SpaceOptions } from './format.js';
import { x86Settings, type X86Options } from './rules.js';

/**
 * AMD's nested page tables: ordinary x86-64 entries that translate guest-physical addresses (AMD APM vol. 2, 15.25).
 * Every access counts as a user access there, so a page without U is not accessible to the guest at all.
 */
export function nptFormat(options: X86Options = {}): EntryFormat<X86Entry> {
  return {
    ...x86Format(options),
    name: 'npt',
    decode: x86Decoder(x86Settings(options), 'npt'),
    checkAddress: assertWidth,
    fullAddress: (address) => address,
  };
}

/** Guest-physical and DMA addresses are not sign-extended: they have to fit the tables. */
export function assertWidth(address: bigint, levels: Depth): void {
  const width = addressBits(levels);
  if ((address & bits(width - 1, 0)) !== address) throw new AddressTooWideError(address, width);
}

/** The nested tables of a guest: `cr3` is nCR3 of its VMCB. KVM builds as many levels as the host itself uses. */
export function nptSpace(options: X86SpaceOptions): AddressSpace<X86Entry> {
  const { encryptionMask } = x86Settings(options);
  return {
    format: nptFormat(options),
    root: options.cr3 & bits(51, 12) & ~encryptionMask,
    levels: options.levels ?? 4,
  };
}
