/** A kernel symbol and how far behind its first byte an address lies. */
export interface SymbolHit {
  readonly name: string;
  /** Bytes. */
  readonly offset: bigint;
  /** The module that it belongs to; undefined for the kernel itself. */
  readonly module: string | undefined;
  /** As the kernel prints it (`%pS` without the size): `do_idle+0x1a` or `vfio_dma_do_map+0x5 [vfio_iommu_type1]`. */
  readonly text: string;
}

export interface KernelSymbol {
  readonly address: bigint;
  readonly name: string;
  readonly module?: string | undefined;
  /** Bytes, where that is known: an address behind them belongs to something that has no symbol. */
  readonly size?: bigint;
}

/** An address this far behind the last symbol below it belongs to none: the largest functions have some 100 KiB. */
const farthest = 1n << 20n;

/** A kernel's symbols, sorted by address. */
export class SymbolTable {
  readonly #symbols: readonly KernelSymbol[];
  #byName: Map<string, KernelSymbol> | undefined;

  constructor(symbols: Iterable<KernelSymbol>) {
    this.#symbols = [...symbols].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  get size(): number {
    return this.#symbols.length;
  }

  /** All of them, by address. */
  [Symbol.iterator](): IterableIterator<KernelSymbol> {
    return this.#symbols[Symbol.iterator]() as IterableIterator<KernelSymbol>;
  }

  /** The symbol that `address` lies in or behind; undefined when it lies before all, or behind the end of the last one below it. */
  resolve(address: bigint): SymbolHit | undefined {
    // Only the names of per-CPU variables lead there.
    if (address < kernelHalf) return undefined;
    let low = 0;
    let high = this.#symbols.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#symbols[middle]?.address ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    const last = this.#symbols[low - 1];
    if (last === undefined) return undefined;
    // Of several names for one address the first is the one that the kernel prints as well.
    let first = low - 1;
    while (this.#symbols[first - 1]?.address === last.address) first -= 1;
    const { name, module, size = farthest } = this.#symbols[first] ?? last;
    const offset = address - last.address;
    if (offset >= size) return undefined;
    const text = `${name}+0x${offset.toString(16)}${module === undefined ? '' : ` [${module}]`}`;
    return { name, offset, module, text };
  }

  /** The address of a symbol of the kernel itself (not of a module); undefined when there is none of this name. */
  addressOf(name: string): bigint | undefined {
    this.#byName ??= new Map(
      this.#symbols.filter(({ module }) => module === undefined).map((symbol) => [symbol.name, symbol]),
    );
    return this.#byName.get(name)?.address;
  }

  /** The same symbols `delta` bytes higher: a kernel that was moved by KASLR. Per-CPU offsets (below the kernel's half) stay. */
  moved(delta: bigint): SymbolTable {
    if (delta === 0n) return this;
    return new SymbolTable(
      this.#symbols.map((symbol) =>
        symbol.address >= kernelHalf ? { ...symbol, address: symbol.address + delta } : symbol,
      ),
    );
  }

  /** This table and further symbols, such as those of modules. */
  with(symbols: Iterable<KernelSymbol>): SymbolTable {
    return new SymbolTable([...this.#symbols, ...symbols]);
  }
}

/** Symbols below it are per-CPU offsets, which are no addresses. First address of the kernel's half with four levels of tables; those of five levels' kernel text lie above it as well. */
export const kernelHalf = 0xffff_8000_0000_0000n;
