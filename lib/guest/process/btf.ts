import { ProcessSelectionError } from './errors.js';

/** The first bytes of BTF as every 64-bit x86 kernel has it: magic 0xeb9f, version 1, no flags, a header of 24 bytes. */
export const BTF_MAGIC = Uint8Array.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]);
export const BTF_HEADER_BYTES = 24;
/** A kernel's BTF is 4 to 10 MB. */
const MAX_BTF_BYTES = 128 << 20;

const KIND_STRUCT = 4;
const KIND_UNION = 5;
/** typedef, volatile, const, restrict, type tag: they name another type, with the same layout. */
const TRANSPARENT_KINDS = new Set([8, 9, 10, 11, 18]);
/** Bytes that follow the 12 of a type, by kind: fixed, and per member (include/uapi/linux/btf.h, Linux 6.12). */
const EXTRA: readonly (readonly [number, number] | undefined)[] = [
  undefined, // 0 is void, and never stored
  [4, 0], // int
  [0, 0], // pointer
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // forward
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // function
  [0, 8], // function prototype
  [4, 0], // variable
  [0, 12], // data section
  [0, 0], // float
  [4, 0], // declaration tag
  [0, 0], // type tag
  [0, 12], // enum64
];

/** Bytes that BTF with this header has in all. @throws ProcessSelectionError it is no BTF header */
export function btfLength(header: Uint8Array): number {
  const { strings, stringBytes } = readHeader(header);
  return strings + stringBytes;
}

/** Offsets of structure members, from a kernel's own type information (Documentation/bpf/btf.rst). */
export class Btf {
  readonly #view: DataView;
  readonly #strings: number;
  readonly #end: number;
  /** Where each type lies, by its number. */
  readonly #types: Uint32Array;

  /** @throws ProcessSelectionError the bytes are not BTF, or are cut short */
  constructor(bytes: Uint8Array) {
    const { types, typeBytes, strings, stringBytes } = readHeader(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#strings = strings;
    this.#end = strings + stringBytes;
    if (this.#end > bytes.length) {
      throw new ProcessSelectionError(
        `The BTF is cut short: its header speaks of ${this.#end} bytes, and there are ${bytes.length}. Copy it anew from the guest.`,
      );
    }
    this.#types = this.#locateTypes(types, types + typeBytes);
  }

  /**
   * Where a member lies in a structure, in bytes; members of anonymous structures and unions within it count as its own.
   *
   * @throws ProcessSelectionError there is no such structure or member, or the member is a bit field
   */
  memberOffset(structure: string, member: string): number {
    const bits = this.#findStructure(structure, member);
    if (bits === undefined) {
      throw new ProcessSelectionError(
        `The kernel's BTF has no member ${member} in a struct ${structure}. Is it of Linux 5.0 or later?`,
      );
    }
    if (bits % 8 !== 0)
      throw new ProcessSelectionError(
        `${structure}.${member} is a bit field in the kernel's BTF. Is it of Linux 5.0 or later?`,
      );
    return bits / 8;
  }

  #locateTypes(from: number, to: number): Uint32Array {
    const found: number[] = [0];
    for (let at = from; at < to;) {
      const info = at + 12 <= to ? this.#view.getUint32(at + 4, true) : 0;
      const extra = EXTRA[(info >>> 24) & 0x1f];
      if (extra === undefined) {
        throw new ProcessSelectionError(
          `The BTF has a type of kind ${(info >>> 24) & 0x1f} at byte ${at}: it is damaged, or newer than this reader. Copy it anew, or give symbols in its place.`,
        );
      }
      found.push(at);
      at += 12 + extra[0] + extra[1] * (info & 0xffff);
      if (at > to)
        throw new ProcessSelectionError(
          'The BTF is damaged: its last type goes beyond its end. Copy it anew from the guest.',
        );
    }
    return Uint32Array.from(found);
  }

  #findStructure(structure: string, member: string): number | undefined {
    for (let type = 1; type < this.#types.length; type += 1) {
      const at = this.#types[type] ?? 0;
      if (this.#kind(at) !== KIND_STRUCT || this.#nameAt(at) !== structure) continue;
      const bits = this.#findMember(at, member, 0);
      if (bits !== undefined) return bits;
    }
    return undefined;
  }

  /** Offset in bits of a member of the type at `at`. `depth` bounds what damaged BTF could make endless. */
  #findMember(at: number, name: string, depth: number): number | undefined {
    if (depth > 8) return undefined;
    const info = this.#view.getUint32(at + 4, true);
    const hasBitfields = info >>> 31 === 1;
    for (let index = 0; index < (info & 0xffff); index += 1) {
      const member = at + 12 + index * 12;
      const raw = this.#view.getUint32(member + 8, true);
      const offset = hasBitfields ? raw & 0xff_ffff : raw;
      const memberName = this.#nameAt(member);
      if (memberName === name) return offset;
      if (memberName !== '') continue;
      const inner = this.#structureOf(this.#view.getUint32(member + 4, true));
      const within = inner === undefined ? undefined : this.#findMember(inner, name, depth + 1);
      if (within !== undefined) return offset + within;
    }
    return undefined;
  }

  /** The structure or union that a type is, qualifiers apart; undefined for anything else. */
  #structureOf(type: number): number | undefined {
    for (let hops = 0; hops < 16; hops += 1) {
      const at = type === 0 ? undefined : this.#types[type];
      if (at === undefined) return undefined;
      const kind = this.#kind(at);
      if (kind === KIND_STRUCT || kind === KIND_UNION) return at;
      if (!TRANSPARENT_KINDS.has(kind)) return undefined;
      type = this.#view.getUint32(at + 8, true);
    }
    return undefined;
  }

  #kind(at: number): number {
    return (this.#view.getUint32(at + 4, true) >>> 24) & 0x1f;
  }

  /** The name of the type or member at `at`; empty for an anonymous one. */
  #nameAt(at: number): string {
    const start = this.#strings + this.#view.getUint32(at, true);
    let name = '';
    // No name that is looked for is longer.
    for (let index = start; index < this.#end && name.length < 64; index += 1) {
      const code = this.#view.getUint8(index);
      if (code === 0) break;
      name += String.fromCharCode(code);
    }
    return name;
  }
}

function readHeader(bytes: Uint8Array): {
  types: number;
  typeBytes: number;
  strings: number;
  stringBytes: number;
} {
  if (bytes.length < BTF_HEADER_BYTES || BTF_MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw new ProcessSelectionError(
      'These bytes are not BTF of a 64-bit little-endian kernel (give /sys/kernel/btf/vmlinux of the guest, or its vmlinux).',
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, BTF_HEADER_BYTES);
  const types = BTF_HEADER_BYTES + view.getUint32(8, true);
  const typeBytes = view.getUint32(12, true);
  const strings = BTF_HEADER_BYTES + view.getUint32(16, true);
  const stringBytes = view.getUint32(20, true);
  if (
    types + typeBytes > MAX_BTF_BYTES ||
    strings + stringBytes > MAX_BTF_BYTES ||
    types + typeBytes > strings
  ) {
    throw new ProcessSelectionError(
      "The BTF's header is damaged: its sections are too large, or overlap. Copy it anew from the guest.",
    );
  }
  return { types, typeBytes, strings, stringBytes };
}
