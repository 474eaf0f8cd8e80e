import { hex, joinHalves } from '../bits.js';
import { compileRules, isBroken, type AddressSpace, type CompiledRules } from '../format.js';
import { levelName, levelsFrom, type Level } from '../level.js';
import { ALL_RIGHTS } from '../rights.js';
import type { FaultReason } from '../walk/result.js';
import { faultReason } from '../violations.js';
import { ColumnBuilder, pagesAt, type MappingColumns } from './columns.js';
import type { ScanBounds } from './options.js';
import type { ProblemReason, ScanProblem } from './problem.js';
import { indexRange, targetOf, type TableCache } from './tables.js';

/** Why a stretch of addresses has no mapping, in one number: the `effective` column of holes. */
export const HOLE_REASONS: readonly (FaultReason | 'cycle' | 'limit')[] = [
  'not-present',
  'reserved-bits',
  'misconfiguration',
  'unknown-processor',
  'unreadable',
  'cycle',
  'limit',
];

const NOT_PRESENT = HOLE_REASONS.indexOf('not-present');

export interface Listing {
  readonly mappings: MappingColumns;
  /** Entries that are not present and not empty, and if asked for all that map nothing: `effective` is an index into HOLE_REASONS. */
  readonly holes: MappingColumns;
  readonly problems: readonly ScanProblem[];
  readonly problemCount: number;
  readonly complete: boolean;
}

/**
 * Goes through tables that are already in memory and lists what they map, in address order. Works on 32-bit halves:
 * the inner loop makes no object and no bigint.
 */
export class Lister {
  readonly #space: AddressSpace;
  readonly #tables: TableCache;
  readonly #bounds: ScanBounds;
  readonly #withHoles: boolean;
  readonly #rules: readonly CompiledRules[];
  readonly #mappings = new ColumnBuilder();
  readonly #holes = new ColumnBuilder();
  readonly #problems: ScanProblem[] = [];
  /** Tables from the root to the one being gone through: an entry that points to one of them closes a cycle. */
  readonly #path: number[] = [];
  #problemCount = 0;
  #visits = 0;
  #complete = true;

  constructor(space: AddressSpace, tables: TableCache, bounds: ScanBounds, withHoles: boolean) {
    this.#space = space;
    this.#tables = tables;
    this.#bounds = bounds;
    this.#withHoles = withHoles;
    this.#rules = levelsFrom(space.levels)
      .reverse()
      .map((level) => compileRules(space.format.rules(level)));
  }

  list(): Listing {
    const { levels, root } = this.#space;
    this.#enter(Number(root), levels, 0, ALL_RIGHTS, undefined);
    return {
      mappings: this.#mappings.finish(),
      holes: this.#holes.finish(),
      problems: this.#problems,
      problemCount: this.#problemCount,
      complete: this.#complete,
    };
  }

  /** Goes through the table at `table`, to which the given entry (none for the root) points. */
  #enter(table: number, level: Level, firstPage: number, effective: number, parent: Found | undefined): void {
    const view = this.#tables.get(table);
    const at = parent ?? { level, page: firstPage, low: 0, high: 0, entryAddress: undefined };
    if (view === undefined || this.#visits >= this.#bounds.maxVisits) {
      this.#stop(at, `the table at ${hex(BigInt(table))} was not gone through`);
    } else if (view instanceof Error) {
      this.#problem('unreadable', at, `its table cannot be read: ${view.message}`);
    } else if (this.#path.includes(table)) {
      this.#problem(
        'cycle',
        at,
        `it points back to the table at ${hex(BigInt(table))} that it is reached through`,
      );
    } else {
      this.#visits += 1;
      this.#path.push(table);
      this.#list(view, table, level, firstPage, effective);
      this.#path.pop();
    }
  }

  #list(view: DataView, table: number, level: Level, firstPage: number, effective: number): void {
    const rules = this.#rules[level - 1];
    if (rules === undefined) return;
    const { format } = this.#space;
    const pages = pagesAt(level);
    const { from, to } = indexRange(firstPage, pages, this.#bounds);
    // Hoisted: this loop looks at every entry of every table.
    const { present, leafBit, alwaysLeaf } = rules;
    for (let index = from; index < to; index += 1) {
      const low = view.getUint32(index * 8, true);
      const page = firstPage + index * pages;
      const high = view.getUint32(index * 8 + 4, true);
      if ((low & present) === 0) {
        if (this.#withHoles || ((low | high) !== 0 && this.#holes.length < this.#bounds.maxMappings))
          this.#holes.push(page, low, high, level, NOT_PRESENT);
        continue;
      }
      const leaf = alwaysLeaf || (low & leafBit) !== 0;
      if (isBroken(leaf ? rules.leaf : rules.table, low, high)) {
        this.#broken({ level, page, low, high, entryAddress: table + index * 8 });
        continue;
      }
      const rights = effective & format.rights(low, high);
      if (!leaf) {
        const found = { level, page, low, high, entryAddress: table + index * 8 };
        this.#enter(targetOf(rules.table, low, high), (level - 1) as Level, page, rights, found);
      } else if (this.#mappings.length < this.#bounds.maxMappings) {
        this.#mappings.push(page, low, high, level, rights);
      } else {
        this.#stop({ level, page, low, high, entryAddress: table + index * 8 }, 'the page was not listed');
      }
      if (!this.#complete) return;
    }
  }

  #broken(at: Found): void {
    const entry = this.#space.format.decode(joinHalves(at.low, at.high), at.level);
    const reason = faultReason(this.#space.format.name, entry.violations);
    this.#problem(reason, at, entry.violations.map((violation) => violation.message).join('; '));
  }

  /** Ends the listing: everything up to `at` is complete, nothing after it is listed. */
  #stop(at: Found, what: string): void {
    this.#complete = false;
    this.#problem('limit', at, `the scan's bounds are reached, ${what}; scan a range, or raise the bound`);
  }

  #problem(reason: ProblemReason, at: Found, detail: string): void {
    if (this.#withHoles) {
      // A hole covers what its entry would translate; the root stands for an entry one level above it.
      const covers = at.entryAddress === undefined ? at.level + 1 : at.level;
      this.#holes.push(at.page, at.low, at.high, covers, HOLE_REASONS.indexOf(reason));
    }
    this.#problemCount += 1;
    if (this.#problems.length >= this.#bounds.maxProblems) return;
    const { format, levels } = this.#space;
    const address = format.fullAddress(BigInt(at.page) << 12n, levels);
    const root = at.entryAddress === undefined;
    const entryAddress = at.entryAddress === undefined ? undefined : BigInt(at.entryAddress);
    const raw = root ? undefined : joinHalves(at.low, at.high);
    const where =
      entryAddress === undefined || raw === undefined
        ? `root ${levelName(at.level)}`
        : `${levelName(at.level)} entry at ${hex(entryAddress)} = ${hex(raw)}`;
    this.#problems.push({
      reason,
      address,
      level: at.level,
      entryAddress,
      raw,
      message: `${hex(address)}: ${where}: ${detail}`,
    });
  }
}

/** An entry and where it was found; the root has no entry. */
interface Found {
  readonly level: Level;
  readonly page: number;
  readonly low: number;
  readonly high: number;
  readonly entryAddress: number | undefined;
}
