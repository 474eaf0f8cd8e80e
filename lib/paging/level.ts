/**
 * A table's level, numbered as the Linux kernel does (`enum pg_level`): 1 is the table whose entries map 4 KiB pages,
 * 5 is the root with 57-bit addresses. A leaf at level 2 is a 2 MiB page, at level 3 a 1 GiB page.
 */
export type Level = 1 | 2 | 3 | 4 | 5;

/** How many levels of tables a walk goes through. Three exist for VT-d only (39-bit DMA addresses). */
export type Depth = 3 | 4 | 5;

export const PAGE_SIZE = 4096n;
export const ENTRY_BYTES = 8;
export const ENTRIES_PER_TABLE = 512;
export const TABLE_BYTES = ENTRY_BYTES * ENTRIES_PER_TABLE;

const NAMES = ['PT', 'PD', 'PDPT', 'PML4', 'PML5'] as const;
export type LevelName = (typeof NAMES)[number];

/** The manual's name of a table at this level: PT, PD, PDPT, PML4, PML5. */
export function levelName(level: Level): LevelName {
  return NAMES[level - 1] ?? 'PT';
}

/** How far a table index at this level is shifted in an address: 12 at level 1, 21 at level 2, … */
function levelShift(level: Level): number {
  return 12 + 9 * (level - 1);
}

/** The bytes that one entry of a table at this level covers, which is the size of a leaf there. */
export function levelSize(level: Level): bigint {
  return 1n << BigInt(levelShift(level));
}

/** Width of the addresses that this many levels translate: 39, 48 or 57 bits. */
export function addressBits(levels: Depth): number {
  return 12 + 9 * levels;
}

/** Index of the entry that translates `address` in its table at `level`, 0 to 511. */
export function tableIndex(address: bigint, level: Level): number {
  return Number((address >> BigInt(levelShift(level))) & 0x1ffn);
}

/** The levels of a walk from the root down, `[4, 3, 2, 1]` for four. */
export function levelsFrom(levels: Level): Level[] {
  return ([5, 4, 3, 2, 1] as const).filter((level) => level <= levels);
}
