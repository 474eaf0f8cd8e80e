import { expect, test } from '@playwright/test';

import {
  kallsymsOfImage,
  moduleAt,
  parseKallsyms,
  parseModules,
  SymbolsError,
} from '../../../lib/guest/symbols/index.js';

const map = [
  '0000000000000000 A fixed_percpu_data',
  '000000000001ad40 A cpu_info',
  'ffffffff81000000 T _stext',
  'ffffffff81000000 T _text',
  'ffffffff81001000 T do_idle',
  'ffffffff81001080 t cpu_startup_entry',
  'ffffffffc0201000 t vfio_dma_do_map\t[vfio_iommu_type1]',
].join('\n');

test('an address is named by the symbol below it, with its offset and its module', () => {
  const symbols = parseKallsyms(map);
  expect(symbols.resolve(0xffffffff81001000n)?.text).toBe('do_idle+0x0');
  expect(symbols.resolve(0xffffffff8100107fn)?.text).toBe('do_idle+0x7f');
  expect(symbols.resolve(0xffffffff81001080n)?.text).toBe('cpu_startup_entry+0x0');
  expect(symbols.resolve(0xffffffffc0201005n)?.text).toBe('vfio_dma_do_map+0x5 [vfio_iommu_type1]');
});

test('an address before all symbols, or far behind the last one, has no name', () => {
  const symbols = parseKallsyms(map);
  expect(symbols.resolve(0xffffffff80ffffffn)).toBeUndefined();
  expect(symbols.resolve(0x401000n)).toBeUndefined();
  expect(symbols.resolve(0xffffffffc0301000n)).toBeUndefined();
});

test('of several names for one address the first is taken', () => {
  expect(parseKallsyms(map).resolve(0xffffffff81000004n)?.name).toBe('_stext');
});

test('a kernel that KASLR moved has its symbols there', () => {
  const moved = parseKallsyms(map).moved(0x2a00000n);
  expect(moved.addressOf('_text')).toBe(0xffffffff83a00000n);
  expect(moved.resolve(0xffffffff83a01004n)?.text).toBe('do_idle+0x4');
  expect(moved.resolve(0xffffffff81001004n)).toBeUndefined();
});

test('addresses that the kernel hides are told from a text that is none', () => {
  expect(() => parseKallsyms('0000000000000000 T _text\n')).toThrow(/hides them/);
  expect(() => parseKallsyms('hello\n')).toThrow(SymbolsError);
});

test('an image without tables is refused', () => {
  expect(() => kallsymsOfImage(Buffer.alloc(4096))).toThrow(SymbolsError);
  // The digits alone, as a random file may have them, are no token table.
  expect(() => kallsymsOfImage(Buffer.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00'))).toThrow(
    SymbolsError,
  );
});

test('modules give a name where there is no symbol', () => {
  const modules = parseModules(
    'vfio_iommu_type1 49152 1 - Live 0xffffffffc0201000 (OE)\nhidden 4096 0 - Live 0x0000000000000000\n',
  );
  expect(modules).toEqual([{ name: 'vfio_iommu_type1', address: 0xffffffffc0201000n, size: 49152n }]);
  expect(moduleAt(modules, 0xffffffffc0201234n)).toBe('[vfio_iommu_type1]+0x234');
  expect(moduleAt(modules, 0xffffffffc020d000n)).toBeUndefined();
});
