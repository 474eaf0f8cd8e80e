import { expect, test } from '@playwright/test';

import { kallsymsOfImage, SymbolsError } from '../../../lib/guest/symbols/index.js';

const base = 0xffff_ffff_8100_0000n;
const names = Array.from({ length: 1200 }, (_, index) => (index === 0 ? '_text' : `function_${index}`));
/** Where each is, in bytes from the base. */
const distances = names.map((_, index) => index * 0x10);

function uint32(...values: number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}

function uint64(value: bigint): Buffer {
  return Buffer.from(BigUint64Array.of(value).buffer);
}

/** The parts of kallsyms, each padded to a multiple of `to` bytes. */
function padded(part: Buffer, to: number): Buffer {
  return Buffer.concat([part, Buffer.alloc(-part.length & (to - 1))]);
}

/** Number of names, names, markers, token table and token index, as scripts/kallsyms.c writes them. */
function namesAndTokens(to: 4 | 8): Buffer {
  const stored = names.map((name) =>
    Buffer.concat([Buffer.from([name.length + 1]), Buffer.from(`T${name}`)]),
  );
  const marker = Buffer.concat(stored.slice(0, 256)).length;
  // Every printable letter is its own token, and nothing else is one.
  const tokens = Array.from({ length: 256 }, (_, code) =>
    code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '',
  );
  let at = 0;
  const index = tokens.map((token) => {
    at += token.length + 1;
    return at - token.length - 1;
  });
  return Buffer.concat(
    [
      uint32(names.length),
      Buffer.concat(stored),
      uint32(0, marker),
      Buffer.from(tokens.map((token) => `${token}\0`).join(''), 'latin1'),
      Buffer.from(Uint16Array.from(index).buffer),
    ].map((part) => padded(part, to)),
  );
}

/** An ELF file of one segment, that the base is linked at. */
function elf(body: Buffer): Buffer {
  const header = Buffer.alloc(0x1000);
  header.write('\x7fELF\x02\x01', 'latin1');
  header.writeBigUInt64LE(0x40n, 0x20);
  header.writeUInt16LE(0x38, 0x36);
  header.writeUInt16LE(1, 0x38);
  header.writeUInt32LE(1, 0x40);
  header.writeBigUInt64LE(0n, 0x48);
  header.writeBigUInt64LE(base, 0x50);
  header.writeBigUInt64LE(BigInt(header.length + body.length), 0x60);
  return Buffer.concat([header, body]);
}

const perCpu = distances.map((distance, index) => (index === 5 ? 0x1ad40 : -1 - distance));

function sinceSeven(): Buffer {
  const before = namesAndTokens(4);
  // From each offset's own place to the symbol.
  const offsets = distances.map((distance, index) => distance - (0x1000 + before.length + index * 4));
  return elf(Buffer.concat([before, uint32(...offsets)]));
}

const forms: Record<string, { image: Buffer; perCpu: boolean }> = {
  '6.3, offsets before the names, per-CPU ones absolute': {
    image: Buffer.concat([padded(uint32(...perCpu), 8), uint64(base), namesAndTokens(8)]),
    perCpu: true,
  },
  '6.4 to 6.14, offsets behind': {
    image: Buffer.concat([namesAndTokens(8), padded(uint32(...perCpu), 8), uint64(base)]),
    perCpu: true,
  },
  '6.15 to 6.19, no absolute ones': {
    image: Buffer.concat([namesAndTokens(8), padded(uint32(...distances), 8), uint64(base)]),
    perCpu: false,
  },
  '7.0 and later, from their own place': { image: sinceSeven(), perCpu: false },
};

for (const [form, { image, perCpu: absolute }] of Object.entries(forms)) {
  test(`a kernel's own symbols: ${form}`, () => {
    const symbols = kallsymsOfImage(image);
    expect(symbols.size).toBe(names.length);
    for (const [index, name] of names.entries()) {
      const right = absolute && index === 5 ? 0x1ad40n : base + BigInt(index * 0x10);
      expect(symbols.addressOf(name), name).toBe(right);
    }
    expect(symbols.resolve(base + 0x65n)?.text).toBe('function_6+0x5');
  });
}

test('tables whose addresses no kernel has are none', () => {
  const low = Buffer.concat([namesAndTokens(8), padded(uint32(...distances), 8), uint64(0x1000n)]);
  expect(() => kallsymsOfImage(low)).toThrow(SymbolsError);
  // Offsets from their own place need to know the place.
  expect(() => kallsymsOfImage(sinceSeven().subarray(0x1000))).toThrow(SymbolsError);
});
