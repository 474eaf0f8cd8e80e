import { hex } from './bits.js';

/** Every error that this library throws. Faults of a walk are values, not errors: an error is a question that has no answer. */
export class PagingError extends Error {
  override readonly name: string = 'PagingError';
}

/** An argument that is no valid value: a negative entry, a level that does not exist, a range that is empty or inverted. */
export class InvalidArgumentError extends PagingError {
  override readonly name = 'InvalidArgumentError';
}

/**
 * A linear address whose upper bits are not all equal to its top translated bit (SDM vol. 1, 3.3.7.1). The processor
 * raises #GP before it reads any table, so there is nothing to walk.
 */
export class NonCanonicalAddressError extends PagingError {
  override readonly name = 'NonCanonicalAddressError';
  readonly address: bigint;
  /** Width of the linear addresses that the walk translates: 48 or 57. */
  readonly addressBits: number;

  constructor(address: bigint, addressBits: number) {
    super(
      `${hex(address)} is not canonical for ${addressBits}-bit linear addresses: bits 63:${addressBits - 1} must all be equal. ` +
        `The tables have ${addressBits === 48 ? 'four levels; five, of 57 bits, are there where CR4.LA57 is set' : 'five levels'}. ` +
        'Check for a truncated or corrupted address.',
    );
    this.address = address;
    this.addressBits = addressBits;
  }
}

/** A guest-physical or DMA address that has more bits than its tables translate (EPT, NPT, VT-d). */
export class AddressTooWideError extends PagingError {
  override readonly name = 'AddressTooWideError';
  readonly address: bigint;
  readonly addressBits: number;

  constructor(address: bigint, addressBits: number) {
    super(`${hex(address)} is wider than the ${addressBits} bits that these tables translate.`);
    this.address = address;
    this.addressBits = addressBits;
  }
}

/**
 * What a `PhysicalMemory` throws for an address that is not RAM. A reader may throw this class or any other Error that
 * carries `notRamAt`: walks and scans turn it into a fault or a problem with the address. Whatever else a reader throws
 * (a lost connection, say) passes through a walk untouched, since it says nothing about the tables.
 */
export class NotRamError extends PagingError {
  override readonly name: string = 'NotRamError';
  /** The first address of the read that is not RAM. */
  readonly notRamAt: bigint;

  constructor(notRamAt: bigint, detail = 'not RAM') {
    super(`Physical address ${hex(notRamAt)} cannot be read: ${detail}.`);
    this.notRamAt = notRamAt;
  }
}

/** True for every error by which a reader says "this address is not RAM" (see NotRamError). */
export function isNotRam(error: unknown): error is Error & { readonly notRamAt: bigint } {
  return error instanceof Error && 'notRamAt' in error && typeof error.notRamAt === 'bigint';
}
