import { GdbProtocolError } from './errors.js';

/** One register in the `g` packet. */
export interface RegisterSlot {
  readonly name: string;
  /** Where its bytes start. */
  readonly offset: number;
  readonly bytes: number;
}

/** Names of the files that a target description includes, in order. */
export function includedFiles(xml: string): string[] {
  return Array.from(xml.matchAll(/<xi:include\s+href="([^"]*)"/g), ([, href = '']) => {
    if (!/^[\w.+-]{1,100}$/.test(href)) {
      throw new GdbProtocolError(
        `The gdb stub's target description includes a file of an odd name: ${JSON.stringify(href.slice(0, 60))}`,
      );
    }
    return href;
  });
}

/**
 * The layout of the `g` packet by a target description's feature files (GDB manual, appendix G): registers in the order of
 * their numbers, which count up from one `<reg>` to the next unless given.
 *
 * @throws GdbProtocolError
 */
export function parseRegisterLayout(xml: string): RegisterSlot[] {
  const registers: { name: string; number: number; bytes: number }[] = [];
  let next = 0;
  // QEMU 7.2 has the segment bases that it does not send in a comment.
  const description = withoutComments(xml);
  for (const [tag] of description.matchAll(/<reg\s[^>]{0,500}>/g)) {
    const name = /\bname="([\w.-]{1,40})"/.exec(tag)?.[1];
    const bits = Number(/\bbitsize="(\d{1,4})"/.exec(tag)?.[1] ?? Number.NaN);
    const number = Number(/\bregnum="(\d{1,4})"/.exec(tag)?.[1] ?? next);
    if (name === undefined || Number.isNaN(bits) || bits === 0 || bits % 8 !== 0) {
      throw new GdbProtocolError(
        `A register of the gdb stub's target description cannot be placed: ${tag.slice(0, 120)}`,
      );
    }
    registers.push({ name, number, bytes: bits / 8 });
    next = number + 1;
  }
  registers.sort((left, right) => left.number - right.number);
  let offset = 0;
  return registers.map(({ name, bytes }) => {
    const slot = { name, offset, bytes };
    offset += bytes;
    return slot;
  });
}

function withoutComments(xml: string): string {
  const [head = '', ...commented] = xml.split('<!--');
  return (
    head + commented.map((part) => (part.includes('-->') ? part.slice(part.indexOf('-->') + 3) : '')).join('')
  );
}
