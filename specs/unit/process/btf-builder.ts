/** A member: name, offset in bits, number of its type. */
export type Member = readonly [name: string, bits: number, type: number];

const INT = 1;
const STRUCT = 4;
const UNION = 5;
const TYPEDEF = 8;
const CONST = 10;

/** Builds BTF as the kernel's build does (Documentation/bpf/btf.rst). Types are numbered from 1 in the order in which they are added. */
export class BtfBuilder {
  readonly #types: number[] = [];
  readonly #strings: number[] = [0];
  #count = 0;

  int(name: string): number {
    return this.#add([this.#string(name), INT << 24, 4, 0x20]);
  }

  /** With `bitfields` offsets share their word with sizes, as in every structure of a kernel that has a bit field. */
  struct(name: string, members: readonly Member[], { bitfields = false, union = false } = {}): number {
    const words = members.flatMap(([member, bits, type]) => [this.#string(member), type, bits]);
    const info = ((union ? UNION : STRUCT) << 24) | members.length;
    return this.#add([this.#string(name), bitfields ? (info | 0x8000_0000) >>> 0 : info, 64, ...words]);
  }

  /** A const typedef of another type, which a member may be of. */
  alias(type: number): number {
    const alias = this.#add([this.#string('alias_t'), TYPEDEF << 24, type]);
    return this.#add([0, CONST << 24, alias]);
  }

  /** A type of any kind, as words. */
  raw(...words: number[]): number {
    return this.#add(words);
  }

  build(): Buffer {
    const header = Buffer.alloc(24);
    const typeBytes = this.#types.length * 4;
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    [24, 0, typeBytes, typeBytes, this.#strings.length].forEach((word, index) =>
      header.writeUInt32LE(word, 4 + index * 4),
    );
    const types = Buffer.alloc(typeBytes);
    this.#types.forEach((word, index) => types.writeUInt32LE(word, index * 4));
    return Buffer.concat([header, types, Buffer.from(this.#strings)]);
  }

  #add(words: readonly number[]): number {
    this.#types.push(...words);
    this.#count += 1;
    return this.#count;
  }

  #string(text: string): number {
    if (text === '') return 0;
    const at = this.#strings.length;
    this.#strings.push(...Buffer.from(`${text}\0`));
    return at;
  }
}
