import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';

function parse(log: string): KernelLogEntry[] {
  return parseKernelLog(log, { format: 'dmesg' });
}

test('plain, raw and decoded output give time, level, facility and text', () => {
  expect(parse('[  123.456789] VFIO: x\n')).toEqual([{ text: 'VFIO: x', time: 123.456789 }]);
  expect(parse('<6>[  123.456789] x\n')[0]).toMatchObject({
    text: 'x',
    level: 6,
    facility: 0,
    time: 123.456789,
  });
  expect(parse('<12>[  123.456789] x\n')[0]).toMatchObject({ level: 4, facility: 1 });
  expect(parse('kern  :warn  : [12345.000001] x\n')[0]).toMatchObject({
    level: 4,
    facility: 0,
    time: 12345.000001,
  });
  expect(parse('[    0.000000][    T0] x\n')[0]).toMatchObject({ text: 'x', caller: 'T0', time: 0 });
});

test('leading spaces of the text, which show the depth of a backtrace, stay', () => {
  expect(parse('[    1.000000]  <TASK>\r\n')[0]?.text).toBe(' <TASK>');
  expect(parse('[    1.000000] \n[    1.000000]\n').map(({ text }) => text)).toEqual(['', '']);
});

test('a line without a time stamp is kept and marked', () => {
  expect(parse('login: \n')[0]).toEqual({ text: 'login: ', flaw: 'malformed' });
});

test('a record that begins behind other output on the same line is found', () => {
  const entries = parse('/ # [   12.345678] VFIO: a[   12.345679] VFIO: b\n');
  expect(entries.map(({ text, time, flaw }) => [text, time, flaw])).toEqual([
    ['/ # ', undefined, 'interleaved'],
    ['VFIO: a', 12.345678, 'interleaved'],
    ['VFIO: b', 12.345679, 'interleaved'],
  ]);
});

test('brackets and numbers in a text are no record', () => {
  const text = 'device [00:03.0] took [12.5] or [1.234567] seconds';
  expect(parse(`[    1.000000] ${text}\n`)).toEqual([{ text, time: 1 }]);
});
