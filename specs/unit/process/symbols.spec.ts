import { expect, test } from '@playwright/test';

import { elfSection } from '../../../lib/guest/process/elf.js';
import { parseSymbols } from '../../../lib/guest/process/symbols.js';

const kallsyms = [
  '0000000000000000 A fixed_percpu_data',
  'ffffffff82a1aa40 D init_task',
  'ffffffff82a1aa48 d init_task_group',
  'ffffffff824c1b88 R __start_BTF',
  'ffffffff828ea1f5 R __stop_BTF',
  'ffffffffc0230000 t init_task\t[some_module]',
  '',
].join('\n');

test('the wanted symbols, and no others', () => {
  expect([...parseSymbols(kallsyms, '/proc/kallsyms')]).toEqual([
    ['init_task', 0xffff_ffff_82a1_aa40n],
    ['__start_BTF', 0xffff_ffff_824c_1b88n],
    ['__stop_BTF', 0xffff_ffff_828e_a1f5n],
  ]);
});

for (const [what, text, message] of [
  ['hidden addresses', '0000000000000000 D init_task\n', /kptr_restrict/],
  ['nothing', '', /no line for the symbol init_task/],
  ['another file', '<html>init_task</html>', /no line for the symbol init_task.*<html>/],
  [
    "Debian's placeholder",
    'B The real System.map is in the linux-image-<version>-dbg package\n',
    /placeholder/,
  ],
] as const) {
  test(`${what}: a clear error`, () => {
    expect(() => parseSymbols(text, 'System.map')).toThrow(message);
    expect(() => parseSymbols(text, 'System.map')).toThrow(/^System\.map /);
  });
}

/** An ELF file with the sections given, as small as may be. */
function elf(sections: Record<string, string>): Buffer {
  const names = ['', ...Object.keys(sections), '.shstrtab'];
  const table = Buffer.from(`${names.join('\0')}\0`);
  const bodies = [Buffer.alloc(0), ...Object.values(sections).map((text) => Buffer.from(text)), table];
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  let at = 64;
  const headers = bodies.map((body, index) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(names.slice(0, index).join('\0').length + (index > 0 ? 1 : 0), 0);
    entry.writeBigUInt64LE(BigInt(at), 0x18);
    entry.writeBigUInt64LE(BigInt(body.length), 0x20);
    at += body.length;
    return entry;
  });
  header.writeBigUInt64LE(BigInt(at), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(headers.length, 0x3c);
  header.writeUInt16LE(headers.length - 1, 0x3e);
  return Buffer.concat([header, ...bodies, ...headers]);
}

test('a section of an ELF file', () => {
  const file = elf({ '.BTF_ids': 'ids', '.BTF': 'types', '.data': 'x' });
  expect(Buffer.from(elfSection(file, '.BTF', 'vmlinux') ?? []).toString()).toBe('types');
  expect(elfSection(elf({ '.data': 'x' }), '.BTF', 'vmlinux')).toBeUndefined();
  expect(() => elfSection(Buffer.from('MZ not an ELF file, but a bzImage'), '.BTF', 'vmlinux')).toThrow(
    /uncompressed vmlinux/,
  );
  for (const length of [0, 3, 40, 64, file.length - 65]) {
    expect(() => elfSection(file.subarray(0, length), '.BTF', 'vmlinux'), `${length} bytes`).toThrow(
      /vmlinux is/,
    );
  }
});
