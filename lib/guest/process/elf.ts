import { ProcessSelectionError } from './errors.js';

/**
 * The bytes of a section of a 64-bit little-endian ELF file, such as `.BTF` of vmlinux.
 *
 * @param what names the file in a message
 * @returns undefined if there is no such section
 * @throws ProcessSelectionError it is no such file, or is cut short
 */
export function elfSection(bytes: Uint8Array, section: string, what: string): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0, false) !== 0x7f454c46 || view.getUint16(4, false) !== 0x0201) {
      throw new ProcessSelectionError(
        `${what} is not a 64-bit ELF file: give the uncompressed vmlinux, not a bzImage.`,
      );
    }
    // ELF-64 header: e_shoff, e_shentsize, e_shnum, e_shstrndx.
    const table = Number(view.getBigUint64(0x28, true));
    const size = view.getUint16(0x3a, true);
    const count = view.getUint16(0x3c, true);
    const header = (index: number): { name: number; offset: number; length: number } => {
      const at = table + index * size;
      return {
        name: view.getUint32(at, true),
        offset: Number(view.getBigUint64(at + 0x18, true)),
        length: Number(view.getBigUint64(at + 0x20, true)),
      };
    };
    const names = header(view.getUint16(0x3e, true));
    for (let index = 0; index < count; index += 1) {
      const { name, offset, length } = header(index);
      const at = names.offset + name;
      const found = Buffer.from(bytes.subarray(at, at + section.length + 1)).toString('latin1');
      if (found !== `${section}\0`) continue;
      if (offset + length > bytes.length) throw new RangeError('the section lies beyond the end');
      return bytes.subarray(offset, offset + length);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ProcessSelectionError(`${what} is cut short or damaged: ${error.message}.`, { cause: error });
  }
}
