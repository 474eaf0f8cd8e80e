/** ELF-64 (System V ABI): where the header and each program header have what is needed. */
const elf = { programHeaders: 32, headerSize: 54, headerCount: 56 } as const;
const program = { type: 0, offset: 8, physical: 24, memorySize: 40 } as const;
const PT_LOAD = 1;

/**
 * Where /proc/kcore has a physical address: in the segment of the kernel's direct map that covers it (fs/proc/kcore.c gives those
 * segments their physical addresses, and all ones to the others).
 *
 * @param header the file's first bytes, with all program headers
 * @returns the offset in the file; undefined where no segment has it, or the file is no such thing
 */
export function kcoreOffset(header: Buffer, physical: bigint): bigint | undefined {
  if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const first = Number(header.readBigUInt64LE(elf.programHeaders));
  const size = header.readUInt16LE(elf.headerSize);
  for (let index = 0; index < header.readUInt16LE(elf.headerCount); index += 1) {
    const at = first + index * size;
    if (at + 56 > header.length) return undefined;
    if (header.readUInt32LE(at + program.type) !== PT_LOAD) continue;
    const start = header.readBigUInt64LE(at + program.physical);
    const length = header.readBigUInt64LE(at + program.memorySize);
    if (physical >= start && physical + 8n <= start + length) {
      return header.readBigUInt64LE(at + program.offset) + physical - start;
    }
  }
  return undefined;
}
