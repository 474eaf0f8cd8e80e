/** QEMU refuses longer reads with E22 (gdbstub.c: MAX_PACKET_LENGTH / 2). */
const MAX_READ_BYTES = 0x800;

/** A piece of memory. */
export interface MemoryRead {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
}

/** One `m` request, and where its bytes belong: into the read number `index`, from `at` on. */
export interface ReadRequest {
  readonly index: number;
  readonly at: number;
  readonly size: number;
  readonly request: string;
}

/** Cuts a read into requests that the stub accepts. @throws RangeError for what is no address */
export function requestsFor({ address, length }: MemoryRead, index: number): ReadRequest[] {
  return Array.from({ length: Math.ceil(length / MAX_READ_BYTES) }, (_, piece) => {
    const at = piece * MAX_READ_BYTES;
    const size = Math.min(MAX_READ_BYTES, length - at);
    return { index, at, size, request: `m${hexOf(address + BigInt(at))},${size.toString(16)}` };
  });
}

/** An address in a packet. @throws RangeError it has more than 64 bits */
export function hexOf(address: bigint): string {
  if (address < 0n || address >= 1n << 64n) throw new RangeError(`Not a 64-bit address: ${String(address)}`);
  return address.toString(16);
}
