import { inflateSync } from 'node:zlib';

/** A kdump-compressed dump, read as crash does (makedumpfile's IMPLEMENTATION document; QEMU's include/sysemu/dump.h). */
export class Kdump {
  readonly signature: string;
  readonly version: number;
  readonly #file: Buffer;
  readonly #block: number;
  readonly #bitmap: Buffer;
  readonly #descriptors: number;

  constructor(flattened: Buffer) {
    this.#file = unflatten(flattened);
    this.signature = this.#file.toString('latin1', 0, 8);
    this.version = this.#file.readUInt32LE(8);
    // After utsname (6 × 65 bytes), time (22) and status (4).
    this.#block = this.#file.readUInt32LE(428);
    const subHeader = this.#file.readUInt32LE(432);
    const bitmaps = this.#file.readUInt32LE(436);
    const first = (1 + subHeader) * this.#block;
    this.#descriptors = first + bitmaps * this.#block;
    // The second half says which pages are in the dump.
    this.#bitmap = this.#file.subarray(first + (bitmaps / 2) * this.#block, this.#descriptors);
  }

  get pages(): number {
    let count = 0;
    for (const byte of this.#bitmap) count += bitsIn(byte);
    return count;
  }

  /** A page by its frame number; undefined when the dump does not have it. */
  page(frame: number): Buffer | undefined {
    const byte = this.#bitmap[frame >> 3] ?? 0;
    if ((byte & (1 << (frame & 7))) === 0) return undefined;
    let index = bitsIn(byte & ((1 << (frame & 7)) - 1));
    for (const before of this.#bitmap.subarray(0, frame >> 3)) index += bitsIn(before);
    const at = this.#descriptors + index * 24;
    const offset = Number(this.#file.readBigUInt64LE(at));
    const stored = this.#file.subarray(offset, offset + this.#file.readUInt32LE(at + 8));
    const zlib = (this.#file.readUInt32LE(at + 12) & 1) !== 0;
    return zlib ? inflateSync(stored) : stored;
  }
}

/** Numbers of the flattened form are big-endian: pieces, each with where it belongs. */
function unflatten(flattened: Buffer): Buffer {
  if (flattened.toString('latin1', 0, 12) !== 'makedumpfile') throw new TypeError('not a flattened dump');
  const pieces: { offset: number; data: Buffer }[] = [];
  let at = 4096;
  let size = 0;
  for (;;) {
    const offset = flattened.readBigInt64BE(at);
    const length = Number(flattened.readBigInt64BE(at + 8));
    if (offset < 0n) break;
    const data = flattened.subarray(at + 16, at + 16 + length);
    pieces.push({ offset: Number(offset), data });
    size = Math.max(size, Number(offset) + length);
    at += 16 + length;
  }
  const file = Buffer.alloc(size);
  for (const { offset, data } of pieces) data.copy(file, offset);
  return file;
}

function bitsIn(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
