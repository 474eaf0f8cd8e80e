import { SymbolsError } from './errors.js';
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
 * Understands the tables of Linux 5.x to 6.3 (offsets before the names) and of 6.4 and later (behind the token index), both with
 * CONFIG_KALLSYMS_BASE_RELATIVE, as x86-64 kernels are (scripts/kallsyms.c).
 *
 * @throws SymbolsError when there are no such tables
 */
export function kallsymsOfImage(image: Buffer): SymbolTable {
  for (let at = image.indexOf(digitTokens); at !== -1; at = image.indexOf(digitTokens, at + 1)) {
    const tables = tablesAround(image, at);
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
  /** Signed 32-bit numbers, one for each symbol. */
  readonly offsets: number;
  readonly relativeBase: bigint;
}

function tablesAround(image: Buffer, digits: number): Tables | undefined {
  const found = tokenTableAround(image, digits);
  if (!found) return undefined;
  const names = namesBefore(image, found.tokenTable);
  if (!names) return undefined;
  const offsets =
    offsetsBefore(image, names.start, names.count) ??
    offsetsBehind(image, found.tokenIndex + tokens * 2, names.count);
  return offsets && { ...found, ...offsets, names: names.start, count: names.count };
}

/** The table's beginning is where the index that follows it says that its strings begin. */
function tokenTableAround(
  image: Buffer,
  digits: number,
): { tokenTable: number; tokenIndex: number } | undefined {
  // '0' is token 0x30: of the 48 before it none is longer than a symbol's name.
  const earliest = Math.max(0, digits - 0x30 * 128);
  for (let start = align8(earliest); start <= digits; start += 8) {
    let at = start;
    let token = 0;
    for (; token < tokens && at < image.length; token += 1) {
      if (token === 0x30 && at !== digits) break;
      const end = image.indexOf(0, at);
      if (end === -1 || end - at > 128) break;
      at = end + 1;
    }
    if (token < tokens) continue;
    const tokenIndex = align8(at);
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
function namesBefore(image: Buffer, tokenTable: number): { start: number; count: number } | undefined {
  const earliest = Math.max(0, tokenTable - longestNames);
  for (let at = (tokenTable & ~7) - 8; at >= earliest; at -= 8) {
    const count = image.readUInt32LE(at);
    if (count < fewest || count > most || image.readUInt32LE(at + 4) !== 0) continue;
    if (namesFit(image, at + 8, count, tokenTable)) return { start: at + 8, count };
  }
  return undefined;
}

/** Whether `count` names begin here and are followed by their markers: 0, and the offset of the 256th name. */
function namesFit(image: Buffer, start: number, count: number, end: number): boolean {
  let at = start;
  let secondMarker = 0;
  for (let name = 0; name < count; name += 1) {
    if (name === namesPerMarker) secondMarker = at - start;
    const next = nameAt(image, at);
    at = next.start + next.length;
    if (next.length === 0 || at > end) return false;
  }
  const markers = align8(at);
  return image.readUInt32LE(markers) === 0 && image.readUInt32LE(markers + 4) === secondMarker;
}

/** A name's tokens: how many, and where they begin. Since 6.1 a length of 128 and more takes two bytes. */
function nameAt(image: Buffer, at: number): { length: number; start: number } {
  const first = image[at] ?? 0;
  if ((first & 0x80) === 0) return { length: first, start: at + 1 };
  return { length: (first & 0x7f) | ((image[at + 1] ?? 0) << 7), start: at + 2 };
}

/** Until Linux 6.3: offsets, relative base, number of symbols, names. */
function offsetsBefore(
  image: Buffer,
  names: number,
  count: number,
): Pick<Tables, 'offsets' | 'relativeBase'> | undefined {
  const base = names - 16;
  return offsetsAt(image, base - align8(count * 4), base, count);
}

/** From Linux 6.4 on: token index, offsets, relative base. */
function offsetsBehind(
  image: Buffer,
  tokenIndexEnd: number,
  count: number,
): Pick<Tables, 'offsets' | 'relativeBase'> | undefined {
  const offsets = align8(tokenIndexEnd);
  return offsetsAt(image, offsets, offsets + align8(count * 4), count);
}

function offsetsAt(
  image: Buffer,
  offsets: number,
  base: number,
  count: number,
): Pick<Tables, 'offsets' | 'relativeBase'> | undefined {
  if (offsets < 0 || base + 8 > image.length || count === 0) return undefined;
  const relativeBase = image.readBigUInt64LE(base);
  return relativeBase >> 31n === 0x1_ffff_ffffn ? { offsets, relativeBase } : undefined;
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
    const offset = image.readInt32LE(tables.offsets + index * 4);
    // CONFIG_KALLSYMS_ABSOLUTE_PERCPU: a value that is not negative is absolute, a per-CPU offset.
    const address = offset >= 0 ? BigInt(offset) : tables.relativeBase - 1n - BigInt(offset);
    // The first character is the symbol's type, as in System.map.
    yield { address, name: text.slice(1) };
  }
}

function align8(value: number): number {
  return (value + 7) & ~7;
}
