/**
 * Mappings as columns, one array per property: a scan of 65,000 pages then costs no object and no bigint per page.
 * Row order is address order.
 */
export interface MappingColumns {
  readonly length: number;
  /** Address bits from 12 up, without sign extension (at most 45 bits, so a float holds them exactly). */
  readonly pageNumber: Float64Array;
  /** Bits 31:0 of the leaf entry. */
  readonly low: Uint32Array;
  /** Bits 63:32 of the leaf entry. */
  readonly high: Uint32Array;
  /** Level of the leaf: 1, 2 or 3. */
  readonly level: Uint8Array;
  /** Effective rights, packed (rights.ts). */
  readonly effective: Uint8Array;
}

/** Columns that grow as rows are pushed. */
export class ColumnBuilder {
  #pageNumber = new Float64Array(1024);
  #low = new Uint32Array(1024);
  #high = new Uint32Array(1024);
  #level = new Uint8Array(1024);
  #effective = new Uint8Array(1024);
  length = 0;

  push(pageNumber: number, low: number, high: number, level: number, effective: number): void {
    const row = this.length;
    if (row === this.#low.length) this.#grow();
    this.#pageNumber[row] = pageNumber;
    this.#low[row] = low;
    this.#high[row] = high;
    this.#level[row] = level;
    this.#effective[row] = effective;
    this.length = row + 1;
  }

  finish(): MappingColumns {
    const { length } = this;
    return {
      length,
      pageNumber: this.#pageNumber.subarray(0, length),
      low: this.#low.subarray(0, length),
      high: this.#high.subarray(0, length),
      level: this.#level.subarray(0, length),
      effective: this.#effective.subarray(0, length),
    };
  }

  #grow(): void {
    const capacity = this.#low.length * 2;
    this.#pageNumber = copyInto(new Float64Array(capacity), this.#pageNumber);
    this.#low = copyInto(new Uint32Array(capacity), this.#low);
    this.#high = copyInto(new Uint32Array(capacity), this.#high);
    this.#level = copyInto(new Uint8Array(capacity), this.#level);
    this.#effective = copyInto(new Uint8Array(capacity), this.#effective);
  }
}

function copyInto<T extends Float64Array | Uint32Array | Uint8Array>(target: T, source: T): T {
  target.set(source);
  return target;
}

/** How many 4 KiB pages a leaf at `level` maps. */
export function pagesAt(level: number): number {
  return 512 ** (level - 1);
}
