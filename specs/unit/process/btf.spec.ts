import { expect, test } from '@playwright/test';
import fc from 'fast-check';

import { Btf, btfLength } from '../../../lib/guest/process/btf.js';
import { ProcessSelectionError } from '../../../lib/guest/process/errors.js';
import { BtfBuilder } from './btf-builder.js';

function kernelLike(): Buffer {
  const btf = new BtfBuilder();
  const int = btf.int('int');
  const inner = btf.struct('', [
    ['pgd', 64, int],
    ['deep', 128, int],
  ]);
  const hidden = btf.alias(inner);
  const union = btf.struct(
    '',
    [
      ['left', 0, int],
      ['right', 0, int],
    ],
    { union: true },
  );
  btf.struct(
    'task_struct',
    [
      ['pid', 0x9a0 * 8, int],
      ['comm', 0xb80 * 8, int],
      ['flag', (3 << 24) | 37, int],
      ['narrow', (8 << 24) | 0x100, int],
    ],
    { bitfields: true },
  );
  btf.struct('mm_struct', [
    ['first', 0, int],
    ['', 0x40, hidden],
    ['', 0x200, union],
    ['named', 0x400, inner],
  ]);
  // Of the same name, as in a kernel with two definitions: the one that has the member counts.
  btf.struct('mm_struct', [['other', 0x80, int]]);
  return btf.build();
}

test('offsets of members, also within anonymous structures, behind qualifiers, and beside bit fields', () => {
  const btf = new Btf(kernelLike());
  expect(btf.memberOffset('task_struct', 'pid')).toBe(0x9a0);
  expect(btf.memberOffset('task_struct', 'comm')).toBe(0xb80);
  // A bit field of whole bytes: its size is no part of its offset.
  expect(btf.memberOffset('task_struct', 'narrow')).toBe(0x20);
  expect(btf.memberOffset('mm_struct', 'first')).toBe(0);
  expect(btf.memberOffset('mm_struct', 'pgd')).toBe(8 + 8);
  expect(btf.memberOffset('mm_struct', 'deep')).toBe(8 + 16);
  expect(btf.memberOffset('mm_struct', 'right')).toBe(0x40);
  expect(btf.memberOffset('mm_struct', 'other')).toBe(0x10);
  // What lies within a named member is not the structure's own.
  expect(() => new Btf(kernelLike()).memberOffset('mm_struct', 'absent')).toThrow(
    /no member absent in a struct mm_struct/,
  );
  expect(() => btf.memberOffset('no_struct', 'pid')).toThrow(ProcessSelectionError);
  expect(() => btf.memberOffset('task_struct', 'flag')).toThrow(/bit field/);
});

test('its length, from the header alone', () => {
  const bytes = kernelLike();
  expect(btfLength(bytes.subarray(0, 24))).toBe(bytes.length);
});

test('what is not BTF, or not all of it', () => {
  const bytes = kernelLike();
  expect(() => new Btf(Buffer.from('\x7fELF'.padEnd(64, '\0')))).toThrow(/not BTF/);
  expect(() => new Btf(bytes.subarray(0, bytes.length - 1))).toThrow(/cut short/);
  const strange = new BtfBuilder();
  strange.raw(0, 31 << 24, 0);
  expect(() => new Btf(strange.build())).toThrow(/kind 31/);
  const endless = new BtfBuilder();
  endless.raw(0, (4 << 24) | 1000, 0);
  expect(() => new Btf(endless.build())).toThrow(/beyond its end/);
});

test('types that name each other do not make it endless', () => {
  const btf = new BtfBuilder();
  btf.raw(0, 10 << 24, 2);
  btf.raw(0, 10 << 24, 1);
  btf.struct('mm_struct', [
    ['', 0, 1],
    ['', 0, 3],
    ['', 0, 3],
  ]);
  expect(() => new Btf(btf.build()).memberOffset('mm_struct', 'pgd')).toThrow(/no member/);
});

test('damaged bytes: an answer or a typed error, and nothing else', () => {
  const whole = kernelLike();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(whole.length),
      (changes, length) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const offset = new Btf(bytes.subarray(0, length)).memberOffset('mm_struct', 'pgd');
          expect(Number.isInteger(offset) && offset >= 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ProcessSelectionError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
