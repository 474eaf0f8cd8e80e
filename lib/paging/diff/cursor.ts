import { joinHalves } from '../bits.js';
import { compileRules } from '../format.js';
import type { Level } from '../level.js';
import { pagesAt } from '../scan/columns.js';
import type { Scan } from '../scan/scan.js';
import { targetOf } from '../scan/tables.js';
import type { ChangeSide } from './result.js';

/** One side of the sweep: the current row, unpacked. */
export class Cursor {
  readonly #scan: Scan;
  readonly #leafShapes;
  #row = -1;
  first = Infinity;
  end = Infinity;
  low = 0;
  high = 0;
  level: Level = 1;
  effective = 0;
  physical = 0;

  constructor(scan: Scan) {
    this.#scan = scan;
    this.#leafShapes = ([1, 2, 3, 4, 5] as const).map(
      (level) => compileRules(scan.space.format.rules(level)).leaf,
    );
    this.next();
  }

  next(): void {
    this.#row += 1;
    const { columns } = this.#scan;
    if (this.#row >= columns.length) {
      this.first = Infinity;
      this.end = Infinity;
      return;
    }
    this.low = columns.low[this.#row] ?? 0;
    this.high = columns.high[this.#row] ?? 0;
    this.level = (columns.level[this.#row] ?? 1) as Level;
    this.effective = columns.effective[this.#row] ?? 0;
    this.first = columns.pageNumber[this.#row] ?? 0;
    this.end = this.first + pagesAt(this.level);
    const shape = this.#leafShapes[this.level - 1];
    this.physical = shape === undefined ? 0 : targetOf(shape, this.low, this.high);
  }

  /** Physical address of page number `page`, which lies in the current row. */
  physicalAt(page: number): number {
    return this.physical + (page - this.first) * 4096;
  }

  side(page: number): ChangeSide {
    return {
      raw: joinHalves(this.low, this.high),
      level: this.level,
      physicalAddress: BigInt(this.physicalAt(page)),
    };
  }
}
