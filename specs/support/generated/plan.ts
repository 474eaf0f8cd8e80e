import type { Drawn, Place } from './draw.js';
import { type Alloc, type Kind, kinds, type MapStep, type Step } from './steps.js';

export const pageSize = 4096n;

/** What the guest has for a sequence. */
export const limits = { children: 3, alive: 60, pages: 16_000, hugetlb: 3 } as const;
/** Huge pages of the pool: a child gets copies of those that are pinned. */
export const hugetlbPool = limits.hugetlb * (limits.children + 1);

const pagesPerHuge = 512;
/** x86's window for MSIs: no type 1 mapping may lie there. */
const msiWindow = { iova: 0xfee0_0000n, pages: 0x100 };
const firstIova = 1n << 20n;

/** A sequence of steps that can be done one after the other, from one that was drawn: what a step lacks is made before it. */
export class Planner {
  readonly #steps: Step[] = [];
  readonly #width: bigint;
  readonly #buffers: Alloc[] = [];
  /** Names of children, with the buffers that they inherited. */
  readonly #children: { readonly name: string; readonly inherited: readonly Alloc[] }[] = [];
  readonly #live: (MapStep & { readonly iova: bigint })[] = [];
  #pages = 0;
  #count = 0;

  private constructor(width: bigint) {
    this.#width = width;
  }

  /** @param width where the device's addresses end */
  static plan(drawn: readonly Drawn[], width: bigint): Step[] {
    const planner = new Planner(width);
    for (const each of drawn) planner.#add(each);
    return planner.#steps;
  }

  #add(drawn: Drawn): void {
    switch (drawn.do) {
      case 'alloc':
        this.#alloc('parent', drawn.kind, drawn.pages);
        break;
      case 'fork':
        if (this.#children.length < limits.children) this.#fork();
        break;
      case 'map':
        if (this.#live.length < limits.alive) this.#map(drawn);
        break;
      case 'unmap': {
        const mapping = pickOf(this.#live, drawn.mapping);
        if (!mapping) break;
        this.#live.splice(this.#live.indexOf(mapping), 1);
        this.#steps.push({ do: 'unmap', mapping: mapping.mapping });
      }
    }
  }

  #alloc(process: string, kind: Kind, pages: number): Alloc {
    const isFull = this.#pages + pages > limits.pages;
    const pool = this.#buffers.filter((each) => each.kind === 'hugetlb').length;
    const made: Alloc = {
      do: 'alloc',
      buffer: this.#name('buffer'),
      process,
      kind: isFull || (kind === 'hugetlb' && pool === limits.hugetlb) ? 'anonymous' : kind,
      pages: isFull ? 1 : kind === 'hugetlb' ? pagesPerHuge : kind === 'split' ? pagesPerHuge - 1 : pages,
      filled: kind !== 'read',
    };
    this.#pages += made.pages;
    this.#buffers.push(made);
    this.#steps.push(made);
    return made;
  }

  #fork() {
    // A child's copies of huge pages come from the same pool.
    const inherited = this.#buffers.filter(({ process, kind }) => process === 'parent' && kind !== 'hugetlb');
    const child = { name: `child${this.#children.length + 1}`, inherited };
    this.#children.push(child);
    this.#steps.push({ do: 'fork', child: child.name });
    return child;
  }

  #map({ by, thread, buffer: which, part, place, write }: Drawn & { do: 'map' }): void {
    const { process, buffer } = this.#memoryFor(by, which);
    const first = part === undefined ? 0 : Math.floor((part[0] * buffer.pages) / 1000);
    const pages =
      part === undefined ? buffer.pages : 1 + Math.floor((part[1] * (buffer.pages - first - 1)) / 1000);
    const iova = this.#freeIova(place, pages);
    if (iova === undefined) return;
    const mapping = {
      ...{ do: 'map' as const, mapping: this.#name('mapping'), process, thread },
      ...{ buffer: buffer.buffer, first, pages, iova, write },
    };
    this.#live.push(mapping);
    this.#steps.push(mapping);
  }

  #memoryFor(by: 'parent' | 'child' | 'heir', which: number): { process: string; buffer: Alloc } {
    const own = this.#buffers.filter(({ process }) => process === 'parent');
    if (by === 'parent')
      return { process: 'parent', buffer: pickOf(own, which) ?? this.#alloc('parent', 'anonymous', 4) };
    if (by === 'heir') {
      const heirs = this.#children.filter(({ inherited }) => inherited.length > 0);
      let heir = pickOf(heirs, which);
      if (!heir && this.#children.length < limits.children) {
        if (own.every(({ kind }) => kind === 'hugetlb')) this.#alloc('parent', 'anonymous', 4);
        heir = this.#fork();
      }
      const buffer = heir && pickOf(heir.inherited, which);
      if (heir && buffer) return { process: heir.name, buffer };
    }
    const child = pickOf(this.#children, which) ?? this.#fork();
    const theirs = this.#buffers.filter(({ process }) => process === child.name);
    const buffer =
      (which % 2 === 0 ? pickOf(theirs, which) : undefined) ??
      this.#alloc(child.name, kinds[which % (kinds.length - 1)] ?? 'anonymous', 1 + (which % 9));
    return { process: child.name, buffer };
  }

  /** The first address from the wanted one on at which so many pages are free. */
  #freeIova({ boundary, side }: Place, pages: number): bigint | undefined {
    const size = BigInt(pages) * pageSize;
    const back = side === 'behind' ? 0n : side === 'before' ? size : BigInt(Math.ceil(pages / 2)) * pageSize;
    // Where the device's addresses end, only those before it are there.
    const wanted = boundary - back + size > this.#width ? this.#width - size : boundary - back;
    return this.#freeFrom(wanted < firstIova ? firstIova : wanted, size) ?? this.#freeFrom(firstIova, size);
  }

  #freeFrom(start: bigint, size: bigint): bigint | undefined {
    let iova = start;
    const taken = [msiWindow, ...this.#live].toSorted((a, b) => (a.iova < b.iova ? -1 : 1));
    for (const each of taken) {
      const end = each.iova + BigInt(each.pages) * pageSize;
      if (iova < end && iova + size > each.iova) iova = end;
    }
    return iova + size <= this.#width ? iova : undefined;
  }

  #name(what: string): string {
    this.#count += 1;
    return `${what}${this.#count}`;
  }
}

function pickOf<T>(from: readonly T[], which: number): T | undefined {
  return from[which % from.length];
}
