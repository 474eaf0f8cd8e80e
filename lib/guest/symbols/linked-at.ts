/**
 * The address at which a byte of a 64-bit little-endian ELF file is linked, by its program headers (PT_LOAD).
 *
 * @param offset bytes from the file's beginning
 * @returns undefined if it is no such file, or the byte is in no segment
 */
export function linkedAt(elf: Buffer, offset: number): bigint | undefined {
  if (elf.length < 0x40 || elf.readUInt32BE(0) !== 0x7f45_4c46 || elf[4] !== 2) return undefined;
  const table = Number(elf.readBigUInt64LE(0x20));
  const size = elf.readUInt16LE(0x36);
  const count = elf.readUInt16LE(0x38);
  for (let at = table; at < table + count * size && at + 0x38 <= elf.length; at += size) {
    const from = Number(elf.readBigUInt64LE(at + 8));
    const length = Number(elf.readBigUInt64LE(at + 0x20));
    const loaded = elf.readUInt32LE(at) === 1 && offset >= from && offset < from + length;
    if (loaded) return elf.readBigUInt64LE(at + 0x10) + BigInt(offset - from);
  }
  return undefined;
}
