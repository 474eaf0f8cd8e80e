import { SymbolsError } from './errors.js';
import { linkedAt } from './linked-at.js';
import { type KernelSymbol, SymbolTable } from './symbol-table.js';

/** Every 256th name has a marker (scripts/kallsyms.c). */
const namesPerMarker = 256;
const tokens = 256;
/** A kernel with fewer or more symbols is none. */
const fewest = 1_000;
const most = 4_000_000;
/** Bytes from the number of names to the token table: 150,000 names take 2.2 MB. */
const longestNames = 64 << 20;
/** Names compressed by tokens are stored with letters as their own tokens: this stands in every token table, once. */
const digitTokens = Buffer.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00', 'latin1');

/**
 * The symbols that a kernel carries in itself for its own reports (CONFIG_KALLSYMS), out of an uncompressed `vmlinux`. So a
 * stripped kernel needs no System.map, and a hung guest need not be asked. Addresses are those that it was linked for.
 *
 * Understands the tables of Linux 5.x to 6.3 (offsets before the names) and of 6.4 and later (behind the token index), with offsets from a
 * base in all forms that x86-64 kernels have had (scripts/kallsyms.c), and since 7.0 from their own place.
 *
 * @throws SymbolsError when there are no such tables
 */
export function kallsymsOfImage(image: Buffer): SymbolTable {
  for (let at = image.indexOf(digitTokens); at !== -1; at = image.indexOf(digitTokens, at + 1)) {
    const tables = tablesAround(image, at, 8) ?? tablesAround(image, at, 4);
    if (tables) return new SymbolTable(symbolsOf(image, tables));
  }
  throw new SymbolsError(
    'The kernel image has no kallsyms tables of a known form: it is compressed (a bzImage), or built without CONFIG_KALLSYMS. Give the vmlinux of the same build.',
  );
}

interface Tables {
  readonly tokenTable: number;
  readonly tokenIndex: number;
  readonly names: number;
  readonly count: number;
  /** 32-bit numbers, one for each symbol. */
  readonly offsets: number;
  readonly address: AddressForm;
}

/** The address of a symbol by its place among them and its offset, a signed number. */
type AddressForm = (index: number, offset: number) => bigint;

/** What each table begins at a multiple of: 8 bytes, since Linux 7.0 4. */
type Alignment = 4 | 8;

function tablesAround(image: Buffer, digits: number, to: Alignment): Tables | undefined {
  const found = tokenTableAround(image, digits, to);
  if (!found) return undefined;
  const names = namesBefore(image, found.tokenTable, to);
  if (!names) return undefined;
  const offsets =
    offsetsBefore(image, names.start, names.count) ??
    offsetsBehind(image, aligned(found.tokenIndex + tokens * 2, to), names.count);
  return offsets && { ...found, ...offsets, names: names.start, count: names.count };
}

/** The table's beginning is where the index that follows it says that its strings begin. */
function tokenTableAround(
  image: Buffer,
  digits: number,
  to: Alignment,
): { tokenTable: number; tokenIndex: number } | undefined {
  // '0' is token 0x30: of the 48 before it none is longer than a symbol's name.
  const earliest = Math.max(0, digits - 0x30 * 128);
  for (let start = aligned(earliest, to); start <= digits; start += to) {
    let at = start;
    let token = 0;
    for (; token < tokens && at < image.length; token += 1) {
      if (token === 0x30 && at !== digits) break;
      const end = image.indexOf(0, at);
      if (end === -1 || end - at > 128) break;
      at = end + 1;
    }
    if (token < tokens) continue;
    const tokenIndex = aligned(at, to);
    if (indexFits(image, start, tokenIndex)) return { tokenTable: start, tokenIndex };
  }
  return undefined;
}

function indexFits(image: Buffer, tokenTable: number, tokenIndex: number): boolean {
  if (tokenIndex + tokens * 2 > image.length || image.readUInt16LE(tokenIndex) !== 0) return false;
  for (let token = 1; token < tokens; token += 1) {
    const offset = image.readUInt16LE(tokenIndex + token * 2);
    if (offset <= image.readUInt16LE(tokenIndex + token * 2 - 2)) return false;
    if (image[tokenTable + offset - 1] !== 0) return false;
  }
  return true;
}

/**
 * The number of names, the names, their markers, since 6.2 (and in 6.1's stable releases) a permutation of 3 bytes a name, and then the token
 * table: the number is found backwards from there, by what it must be followed by.
 */
function namesBefore(
  image: Buffer,
  tokenTable: number,
  to: Alignment,
): { start: number; count: number } | undefined {
  const earliest = Math.max(0, tokenTable - longestNames);
  for (let at = tokenTable - to; at >= earliest; at -= to) {
    const count = image.readUInt32LE(at);
    if (count < fewest || count > most || (to === 8 && image.readUInt32LE(at + 4) !== 0)) continue;
    if (namesFit(image, at + to, count, tokenTable, to)) return { start: at + to, count };
  }
  return undefined;
}

/** Whether `count` names begin here and are followed by their markers: 0, and the offset of the 256th name. */
function namesFit(image: Buffer, start: number, count: number, end: number, to: Alignment): boolean {
  let at = start;
  let secondMarker = 0;
  for (let name = 0; name < count; name += 1) {
    if (name === namesPerMarker) secondMarker = at - start;
    const next = nameAt(image, at);
    at = next.start + next.length;
    if (next.length === 0 || at > end) return false;
  }
  const markers = aligned(at, to);
  return image.readUInt32LE(markers) === 0 && image.readUInt32LE(markers + 4) === secondMarker;
}

/** A name's tokens: how many, and where they begin. Since 6.1 a length of 128 and more takes two bytes. */
function nameAt(image: Buffer, at: number): { length: number; start: number } {
  const first = image[at] ?? 0;
  if ((first & 0x80) === 0) return { length: first, start: at + 1 };
  return { length: (first & 0x7f) | ((image[at + 1] ?? 0) << 7), start: at + 2 };
}

/** Until Linux 6.3: offsets, relative base, number of symbols, names. */
function offsetsBefore(image: Buffer, names: number, count: number): Offsets | undefined {
  const base = names - 16;
  const offsets = base - aligned(count * 4, 8);
  return offsets < 0 ? undefined : relativeTo(image, base, offsets, count);
}

/** From Linux 6.4 on: token index, offsets, and until 6.19 the relative base. */
function offsetsBehind(image: Buffer, offsets: number, count: number): Offsets | undefined {
  const end = offsets + aligned(count * 4, 8);
  if (end > image.length) return undefined;
  return relativeTo(image, end, offsets, count) ?? relativeToThemselves(image, offsets, count);
}

type Offsets = Pick<Tables, 'offsets' | 'address'>;

function relativeTo(image: Buffer, base: number, offsets: number, count: number): Offsets | undefined {
  const relativeBase = base + 8 > image.length ? 0n : image.readBigUInt64LE(base);
  if (!isLinked(relativeBase)) return undefined;
  for (let index = 0; index < count; index += 1) {
    if (image.readInt32LE(offsets + index * 4) >= 0) continue;
    // CONFIG_KALLSYMS_ABSOLUTE_PERCPU, until 6.14: a value that is not negative is absolute, a per-CPU offset.
    const address: AddressForm = (_, offset) =>
      offset >= 0 ? BigInt(offset) : relativeBase - 1n - BigInt(offset);
    return { offsets, address };
  }
  return { offsets, address: (_, offset) => relativeBase + BigInt(offset) };
}

/** Since Linux 7.0: each offset counts from its own place (kernel/kallsyms.c, kallsyms_sym_address). */
function relativeToThemselves(image: Buffer, offsets: number, count: number): Offsets | undefined {
  const start = linkedAt(image, offsets);
  if (start === undefined) return undefined;
  const address: AddressForm = (index, offset) => start + BigInt(index * 4 + offset);
  const ends = [0, count - 1].map((index) => address(index, image.readInt32LE(offsets + index * 4)));
  return ends.every(isLinked) ? { offsets, address } : undefined;
}

/** The top 2 GiB, where x86-64 kernels are linked. */
function isLinked(address: bigint): boolean {
  return address >> 31n === 0x1_ffff_ffffn;
}

function* symbolsOf(image: Buffer, tables: Tables): Generator<KernelSymbol> {
  const strings = Array.from({ length: tokens }, (_, token) => {
    const start = tables.tokenTable + image.readUInt16LE(tables.tokenIndex + token * 2);
    return image.toString('latin1', start, image.indexOf(0, start));
  });
  let at = tables.names;
  for (let index = 0; index < tables.count; index += 1) {
    const { length, start } = nameAt(image, at);
    let text = '';
    for (const token of image.subarray(start, start + length)) text += strings[token] ?? '';
    at = start + length;
    const address = tables.address(index, image.readInt32LE(tables.offsets + index * 4));
    // The first character is the symbol's type, as in System.map.
    yield { address, name: text.slice(1) };
  }
}

function aligned(value: number, to: Alignment): number {
  return (value + to - 1) & -to;
}
