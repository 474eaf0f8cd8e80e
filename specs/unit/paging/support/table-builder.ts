import { tableIndex, type Depth, type Level } from '../../../../lib/paging/index.js';
import { TestMemory } from './test-memory.js';

/** Bits 51:12 of an entry that points to a table. */
const TABLE_ADDRESS = 0x000f_ffff_ffff_f000n;

/** Builds page tables in test memory, in any of the formats: entries are raw values. */
export class TableBuilder {
  readonly memory: TestMemory;
  readonly levels: Depth;
  readonly root: bigint;
  /** Flags of the entries that point to tables. */
  readonly tableFlags: bigint;
  #next: bigint;

  constructor({
    levels = 4,
    tableFlags = 0x67n,
    base = 0x10_0000n,
    memory = new TestMemory(),
  }: {
    levels?: Depth;
    tableFlags?: bigint;
    base?: bigint;
    memory?: TestMemory;
  } = {}) {
    this.memory = memory;
    this.levels = levels;
    this.tableFlags = tableFlags;
    this.#next = base;
    this.root = this.newTable();
  }

  /** A new empty table; tables lie one after the other from `base` on. */
  newTable(): bigint {
    const address = this.#next;
    this.#next += 0x1000n;
    this.memory.addPage(address);
    return address;
  }

  /** Writes entry `index` of the table at `table`. */
  set(table: bigint, index: number, raw: bigint): void {
    this.memory.write64(table + BigInt(index) * 8n, raw);
  }

  /** Writes the leaf for `address` at `level`, making the tables above it. Returns the leaf entry's address. */
  map(address: bigint, raw: bigint, level: Level = 1): bigint {
    const entry = this.entryAddress(address, level);
    this.memory.write64(entry, raw);
    return entry;
  }

  /** Physical address of the entry for `address` at `level`; tables above it are made if they are not there. */
  entryAddress(address: bigint, level: Level): bigint {
    let table = this.root;
    for (let at: number = this.levels; at > level; at -= 1) {
      const entry = table + BigInt(tableIndex(address, at as Level)) * 8n;
      if ((this.memory.read64(entry) & 7n) === 0n) {
        this.memory.write64(entry, this.newTable() | this.tableFlags);
      }
      table = this.memory.read64(entry) & TABLE_ADDRESS;
    }
    return table + BigInt(tableIndex(address, level)) * 8n;
  }
}
