import { GdbProtocolError } from './errors.js';

/**
 * Packets of the gdb remote serial protocol (GDB manual, appendix E.1): `$` payload `#` checksum. Characters are bytes (latin1).
 */

/** Sum of the payload's bytes modulo 256, as two hexadecimal digits. */
export function checksum(payload: string): string {
  let sum = 0;
  for (let index = 0; index < payload.length; index += 1) sum += payload.charCodeAt(index);
  return (sum & 0xff).toString(16).padStart(2, '0');
}

/** A request as it goes over the wire. Requests of this client are plain ASCII: nothing needs escaping. */
export function encodePacket(payload: string): string {
  return `$${payload}#${checksum(payload)}`;
}

export type StubEvent =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nak' }
  | { readonly kind: 'packet'; readonly payload: string }
  | { readonly kind: 'corrupt'; readonly raw: string };

/** Cuts a stub's byte stream into acknowledgements and packets, wherever chunks begin and end. Bounded. */
export class PacketReader {
  readonly #maxBytes: number;
  #buffer = '';

  /** @param maxBytes bound of one packet, encoded or decoded */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws GdbProtocolError for a packet beyond the bound, or text that is none of the protocol's */
  *push(chunk: string): Generator<StubEvent> {
    this.#buffer += chunk;
    for (;;) {
      const first = this.#buffer[0];
      if (first === undefined) return;
      if (first === '+' || first === '-') {
        this.#buffer = this.#buffer.slice(1);
        yield { kind: first === '+' ? 'ack' : 'nak' };
        continue;
      }
      if (first !== '$') {
        throw new GdbProtocolError(
          `Not the gdb remote protocol: ${JSON.stringify(this.#buffer.slice(0, 60))}. Is this the debug port?`,
        );
      }
      const hash = this.#buffer.indexOf('#');
      if (Math.max(hash, hash < 0 ? this.#buffer.length : 0) > this.#maxBytes) {
        throw new GdbProtocolError(
          `A packet of the gdb stub passed its bound of ${String(this.#maxBytes)} bytes.`,
        );
      }
      if (hash < 0 || this.#buffer.length < hash + 3) return;
      const raw = this.#buffer.slice(1, hash);
      const sum = this.#buffer.slice(hash + 1, hash + 3);
      this.#buffer = this.#buffer.slice(hash + 3);
      yield sum.toLowerCase() === checksum(raw)
        ? { kind: 'packet', payload: decodePayload(raw, this.#maxBytes) }
        : { kind: 'corrupt', raw };
    }
  }
}

/** Undoes escapes (`}` and the byte xor 0x20) and run lengths (`*` and a count + 29). @throws GdbProtocolError */
function decodePayload(raw: string, maxBytes: number): string {
  if (!/[*}]/.test(raw)) return raw;
  let decoded = '';
  for (let index = 0; index < raw.length; index += 1) {
    const byte = raw.charAt(index);
    if (byte === '}') {
      index += 1;
      if (index >= raw.length)
        throw new GdbProtocolError('A packet of the gdb stub ends in the middle of an escape.');
      decoded += String.fromCharCode(raw.charCodeAt(index) ^ 0x20);
    } else if (byte === '*') {
      index += 1;
      const repeats = raw.charCodeAt(index) - 29;
      if (decoded === '' || Number.isNaN(repeats) || repeats < 3 || repeats > 97) {
        throw new GdbProtocolError('A packet of the gdb stub holds a run length that is none.');
      }
      decoded += decoded.slice(-1).repeat(repeats);
    } else {
      decoded += byte;
    }
    if (decoded.length > maxBytes) {
      throw new GdbProtocolError(`A packet of the gdb stub passed its bound of ${String(maxBytes)} bytes.`);
    }
  }
  return decoded;
}

/** Hexadecimal digits to bytes. @throws GdbProtocolError when they are not digits, or not as many as `length` bytes need */
export function bytesOfHex(digits: string, length?: number): Uint8Array<ArrayBuffer> {
  if (
    digits.length % 2 !== 0 ||
    (length !== undefined && digits.length !== length * 2) ||
    !/^[0-9a-f]*$/i.test(digits)
  ) {
    throw new GdbProtocolError(
      `The gdb stub sent ${JSON.stringify(digits.slice(0, 40))}${length === undefined ? '' : `, not ${String(length)} bytes`} in hexadecimal.`,
    );
  }
  return new Uint8Array(Buffer.from(digits, 'hex'));
}
