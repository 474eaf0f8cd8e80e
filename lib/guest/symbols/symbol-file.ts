import { kernelHalf, type SymbolTable } from './symbol-table.js';

const headerBytes = 64;
const sectionBytes = 64;
const symbolBytes = 24;
const ET_EXEC = 2;
const EM_X86_64 = 62;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHF_ALLOC_EXEC = 0x2n | 0x4n;
const STB_GLOBAL = 1;

/**
 * An ELF file for a debugger (`gdb FILE`): nothing but the symbols, where they are in the running kernel. Debian's kernel is stripped,
 * and its debug package knows nothing of KASLR or of where modules were put.
 */
export function symbolFile(symbols: SymbolTable): Buffer {
  const kept = [...symbols].filter(({ address }) => address >= kernelHalf);
  const names: Buffer[] = [Buffer.from('\0')];
  const table = Buffer.alloc((kept.length + 1) * symbolBytes);
  let nameAt = 1;
  for (const [index, { address, name }] of kept.entries()) {
    const at = (index + 1) * symbolBytes;
    table.writeUInt32LE(nameAt, at);
    // No type: the kernel's own tables do not tell functions from data. All lie in section 1.
    table.writeUInt8(STB_GLOBAL << 4, at + 4);
    table.writeUInt16LE(1, at + 6);
    table.writeBigUInt64LE(address, at + 8);
    const bytes = Buffer.from(`${name}\0`, 'latin1');
    names.push(bytes);
    nameAt += bytes.length;
  }
  const strings = Buffer.concat(names);
  const sectionNames = Buffer.from('\0.text\0.symtab\0.strtab\0.shstrtab\0', 'latin1');
  const start = kept[0]?.address ?? kernelHalf;
  const end = (kept.at(-1)?.address ?? start) + 1n;
  const tableAt = headerBytes;
  const stringsAt = tableAt + table.length;
  const sectionNamesAt = stringsAt + strings.length;
  const sectionsAt = align8(sectionNamesAt + sectionNames.length);
  const sections = [
    section({}),
    section({
      name: 1,
      type: SHT_NOBITS,
      flags: SHF_ALLOC_EXEC,
      address: start,
      offset: headerBytes,
      size: end - start,
    }),
    section({
      name: 7,
      type: SHT_SYMTAB,
      offset: tableAt,
      size: BigInt(table.length),
      link: 3,
      // The first symbol that is not local.
      info: 1,
      entry: symbolBytes,
    }),
    section({ name: 15, type: SHT_STRTAB, offset: stringsAt, size: BigInt(strings.length) }),
    section({ name: 23, type: SHT_STRTAB, offset: sectionNamesAt, size: BigInt(sectionNames.length) }),
  ];
  const padding = Buffer.alloc(sectionsAt - sectionNamesAt - sectionNames.length);
  return Buffer.concat([
    header(sectionsAt, sections.length),
    table,
    strings,
    sectionNames,
    padding,
    ...sections,
  ]);
}

function header(sectionsAt: number, sections: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  // 64 bits, little-endian, version 1 (elf(5)).
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(ET_EXEC, 16);
  bytes.writeUInt16LE(EM_X86_64, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(sectionsAt), 40);
  bytes.writeUInt16LE(headerBytes, 52);
  bytes.writeUInt16LE(sectionBytes, 58);
  bytes.writeUInt16LE(sections, 60);
  bytes.writeUInt16LE(sections - 1, 62);
  return bytes;
}

interface Section {
  readonly name?: number;
  readonly type?: number;
  readonly flags?: bigint;
  readonly address?: bigint;
  readonly offset?: number;
  readonly size?: bigint;
  readonly link?: number;
  readonly info?: number;
  readonly entry?: number;
}

function section(of: Section): Buffer {
  const bytes = Buffer.alloc(sectionBytes);
  bytes.writeUInt32LE(of.name ?? 0, 0);
  bytes.writeUInt32LE(of.type ?? 0, 4);
  bytes.writeBigUInt64LE(of.flags ?? 0n, 8);
  bytes.writeBigUInt64LE(of.address ?? 0n, 16);
  bytes.writeBigUInt64LE(BigInt(of.offset ?? 0), 24);
  bytes.writeBigUInt64LE(of.size ?? 0n, 32);
  bytes.writeUInt32LE(of.link ?? 0, 40);
  bytes.writeUInt32LE(of.info ?? 0, 44);
  bytes.writeBigUInt64LE(1n, 48);
  bytes.writeBigUInt64LE(BigInt(of.entry ?? 0), 56);
  return bytes;
}

function align8(value: number): number {
  return (value + 7) & ~7;
}
