import { expect, test } from '@playwright/test';

import { parseKallsyms } from '../../../lib/guest/symbols/index.js';
import { moduleSymbols, type ReadsKernel } from '../../../lib/guest/symbols/module-symbols.js';

const head = 0xffff_ffff_8200_0000n;
const kernel = parseKallsyms(`${head.toString(16)} D modules\nffffffff81000000 T _text\n`);
const mapped = 4096;

interface FakeModule {
  readonly address: bigint;
  readonly name: string;
  /** Where `kallsyms` lies in struct module. */
  readonly member: number;
  /** What it points to: `core_kallsyms` behind it unless told otherwise. */
  readonly pointer?: bigint;
  readonly symbols: readonly { name: string; at: bigint; size: bigint; section?: number }[];
}

/** Kernel memory in which these modules are listed; of each nothing is mapped but its own page and that of its tables. */
class FakeKernel implements ReadsKernel {
  readonly #pages = new Map<bigint, Buffer>();

  constructor(modules: readonly FakeModule[]) {
    const links = [head, ...modules.map(({ address }) => address + 8n)];
    for (const [index, link] of links.entries()) {
      this.pointer(link, links[(index + 1) % links.length] ?? head);
      this.pointer(link + 8n, links.at(index - 1) ?? head);
    }
    for (const module of modules) this.#write(module);
  }

  pointer(address: bigint, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    this.#bytes(address, bytes);
  }

  tryRead(address: bigint, length: number): Promise<Buffer | undefined> {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) {
      const page = this.#pages.get((address + BigInt(at)) / BigInt(mapped));
      if (!page) return Promise.resolve(undefined);
      bytes[at] = page[Number((address + BigInt(at)) % BigInt(mapped))] ?? 0;
    }
    return Promise.resolve(bytes);
  }

  #bytes(address: bigint, bytes: Buffer): void {
    for (const [index, byte] of bytes.entries()) {
      const number = (address + BigInt(index)) / BigInt(mapped);
      const page = this.#pages.get(number) ?? Buffer.alloc(mapped);
      this.#pages.set(number, page);
      page[Number((address + BigInt(index)) % BigInt(mapped))] = byte;
    }
  }

  #write({ address, name, member, pointer, symbols }: FakeModule): void {
    this.#bytes(address + 24n, Buffer.from(`${name}\0`));
    const at = address + BigInt(member);
    const table = address + BigInt(mapped);
    const texts = Buffer.from(`\0${symbols.map((symbol) => `${symbol.name}\0`).join('')}`);
    // The last name ends where the memory does.
    const names = table + BigInt(mapped - texts.length);
    this.pointer(at, pointer ?? at + 8n);
    this.pointer(at + 8n, table);
    this.pointer(at + 16n, BigInt(symbols.length));
    this.pointer(at + 24n, names);
    this.#bytes(names, texts);
    let nameAt = 1;
    for (const [index, symbol] of symbols.entries()) {
      const entry = Buffer.alloc(24);
      entry.writeUInt32LE(nameAt, 0);
      entry.writeUInt16LE(symbol.section ?? 2, 6);
      entry.writeBigUInt64LE(symbol.at, 8);
      entry.writeBigUInt64LE(symbol.size, 16);
      this.#bytes(table + BigInt(index * 24), entry);
      nameAt += symbol.name.length + 1;
    }
  }
}

const vfio: FakeModule = {
  address: 0xffff_ffff_c010_0040n,
  name: 'vfio',
  member: 0x1d8,
  symbols: [
    { name: 'vfio_open', at: 0xffff_ffff_c011_0000n, size: 0x40n },
    { name: 'elsewhere', at: 0n, size: 0n, section: 0 },
    { name: 'vfio_entry', at: 0xffff_ffff_c011_0080n, size: 0n },
  ],
};
const edu: FakeModule = {
  address: 0xffff_ffff_c030_0000n,
  name: 'edu',
  member: 0x288,
  symbols: [{ name: 'edu_irq', at: 0xffff_ffff_c031_0000n, size: 0x100n }],
};

test('the modules in the list give names to their addresses, wherever their tables are', async () => {
  const symbols = kernel.with(await moduleSymbols(new FakeKernel([vfio, edu]), kernel));
  expect(symbols.size).toBe(kernel.size + 3);
  expect(symbols.resolve(0xffff_ffff_c011_003fn)?.text).toBe('vfio_open+0x3f [vfio]');
  expect(symbols.resolve(0xffff_ffff_c011_0090n)?.text).toBe('vfio_entry+0x10 [vfio]');
  expect(symbols.resolve(0xffff_ffff_c031_0010n)?.text).toBe('edu_irq+0x10 [edu]');
});

test("what lies behind a symbol's end is not its", async () => {
  const symbols = kernel.with(await moduleSymbols(new FakeKernel([vfio, edu]), kernel));
  expect(symbols.resolve(0xffff_ffff_c011_0040n)).toBeUndefined();
  // A module whose symbols are not known lies behind this one.
  expect(symbols.resolve(0xffff_ffff_c031_0100n)).toBeUndefined();
  expect(symbols.resolve(0xffff_ffff_c011_2000n)).toBeUndefined();
});

test('a module that is being loaded has no table yet, and the others have', async () => {
  const loading = { ...vfio, pointer: 0xffff_ffff_c040_0000n };
  const found = await moduleSymbols(new FakeKernel([loading, edu]), kernel);
  expect(found.map(({ name }) => name)).toEqual(['edu_irq']);
});

test('a list that is damaged counts up to there', async () => {
  const memory = new FakeKernel([vfio, edu]);
  memory.pointer(edu.address + 16n, 0xffff_ffff_c099_0000n);
  expect((await moduleSymbols(memory, kernel)).map(({ name }) => name)).toEqual(['vfio_open', 'vfio_entry']);
  memory.pointer(head, 0x1234n);
  expect(await moduleSymbols(memory, kernel)).toEqual([]);
});

test('a kernel that does not name its list gives none', async () => {
  const without = parseKallsyms('ffffffff81000000 T _text\n');
  expect(await moduleSymbols(new FakeKernel([vfio]), without)).toEqual([]);
});
