import { expect, test } from '@playwright/test';
import { OVERRUN_MARKER, parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';

function parse(log: string, firstSequence?: number): KernelLogEntry[] {
  return parseKernelLog(log, { format: 'kmsg', firstSequence });
}

test('a record has its sequence number, seconds, level, facility and text', () => {
  expect(
    parse('6,339,5140900,-;NET: Registered protocol family 10\n30,340,5690716,-;udevd[80]: starting\n'),
  ).toEqual([
    { text: 'NET: Registered protocol family 10', time: 5.1409, level: 6, facility: 0, seq: 339 },
    { text: 'udevd[80]: starting', time: 5.690716, level: 6, facility: 3, seq: 340 },
  ]);
});

test('dictionary lines belong to the record before them', () => {
  const [first, second] = parse(
    '7,160,424069,-;pci_root PNP0A03:00: host bridge window\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A03:00\n6,161,1,-;next\n',
  );
  expect(first?.properties).toEqual({ SUBSYSTEM: 'acpi', DEVICE: '+acpi:PNP0A03:00' });
  expect(second?.properties).toBeUndefined();
});

test('no more dictionary lines are kept than the kernel could mean', () => {
  const many = Array.from({ length: 1000 }, (_, index) => ` KEY${index}=x\n`).join('');
  const entries = parse(`6,1,1,-;text\n${many}`);
  expect(entries).toHaveLength(1);
  expect(Object.keys(entries[0]?.properties ?? {})).toHaveLength(8);
});

test('fields that a later kernel adds are ignored, the caller is read', () => {
  const [entry] = parse('4,7,1000000,c,caller=T42,new=1;text; with, all;\n');
  expect(entry).toMatchObject({ text: 'text; with, all;', caller: 'T42', fragment: true, level: 4 });
});

test('escapes give the text back, UTF-8 and line feeds included', () => {
  expect(parse('6,1,1,-;a\\x0ab \\x5cx41 \\xc3\\xa9\\xe2\\x82\\xac \\x1b[31m\n')[0]?.text).toBe(
    'a\nb \\x41 é€ \u001b[31m',
  );
});

test('an escape cut short stays as it is, and bytes that are no UTF-8 are marked', () => {
  expect(parse('6,1,1,-;a\\x4\n6,2,1,-;\\xff!\n').map(({ text }) => text)).toEqual(['a\\x4', '\ufffd!']);
});

test('a gap in the sequence numbers is reported in its place, with the number lost', () => {
  const entries = parse('6,10,1,-;a\n6,11,1,-;b\n6,50,1,-;c\n');
  expect(entries.map(({ lost, text }) => lost ?? text)).toEqual([
    'a',
    'b',
    { count: 38, where: 'overrun' },
    'c',
  ]);
});

test('records lost before the first one show when the reader began at a known number', () => {
  expect(parse('6,10,1,-;a\n')).toHaveLength(1);
  expect(parse('6,10,1,-;a\n', 0)[0]?.lost).toEqual({ count: 10, where: 'overrun' });
  expect(parse('6,0,1,-;a\n', 0)).toHaveLength(1);
});

test('an overrun that the reader reports is counted by the sequence numbers, once', () => {
  const losses = parse(`6,10,1,-;a\n${OVERRUN_MARKER}\n6,15,1,-;b\n6,16,1,-;c\n`).flatMap(
    ({ lost }) => lost ?? [],
  );
  expect(losses).toEqual([{ count: 4, where: 'overrun' }]);
});

test('an overrun without numbers around it is a loss of unknown size', () => {
  const unknown = { count: undefined, where: 'overrun' };
  expect(parse(`${OVERRUN_MARKER}\n6,15,1,-;b\n`).map(({ lost }) => lost)).toEqual([unknown, undefined]);
  expect(parse('6,1,1,-;a\ncat: read error: Broken pipe\n').map(({ lost }) => lost)).toEqual([
    undefined,
    unknown,
  ]);
});

test('lines that are no records are kept, marked, and lose nothing of their neighbours', () => {
  const entries = parse('6,1,1,-;a\nssh: something odd\n6,2,2,-;b\n,,,;\n6,3,3,-;c\n');
  expect(entries.map(({ text, flaw }) => [text, flaw])).toEqual([
    ['a', undefined],
    ['ssh: something odd', 'malformed'],
    ['b', undefined],
    [',,,;', 'malformed'],
    ['c', undefined],
  ]);
});

test('a record that begins in the middle of a line is found by its sequence number', () => {
  const entries = parse('6,1,1,-;hello 6,2,2,-;world\n6,3,3,-;text with 6,9,9,-;inside\n');
  expect(entries.map(({ text, seq, flaw }) => [text, seq, flaw])).toEqual([
    ['hello ', 1, 'interleaved'],
    ['world', 2, 'interleaved'],
    ['text with 6,9,9,-;inside', 3, undefined],
  ]);
});

test('a record behind something that is none is found, too', () => {
  const entries = parse('6,1,1,-;a\nssh: odd 6,2,2,-;b\nssh: odd 6,9,9,-;c\n');
  expect(entries.map(({ text, seq }) => [text, seq])).toEqual([
    ['a', 1],
    ['ssh: odd ', undefined],
    ['b', 2],
    ['ssh: odd 6,9,9,-;c', undefined],
  ]);
});

test('empty lines are nothing', () => {
  expect(parse('\n6,1,1,-;a\n\n\r\n6,2,1,-;\n').map(({ text }) => text)).toEqual(['a', '']);
});

test('a line without its end is marked as truncated', () => {
  expect(parse('6,1,1,-;a\n6,2,1,-;VFIO: Cle').at(-1)).toMatchObject({
    text: 'VFIO: Cle',
    flaw: 'truncated',
  });
});

test('a line beyond the cap is cut, marked, and the next one is whole', () => {
  const entries = parse(`6,1,1,-;${'x'.repeat(1_000_000)}\n6,2,1,-;b\n`);
  expect(entries[0]).toMatchObject({ flaw: 'truncated', seq: 1 });
  expect(entries[0]?.text.length).toBeLessThanOrEqual(8192);
  expect(entries[1]).toEqual({ text: 'b', seq: 2, time: 1e-6, level: 6, facility: 0 });
});

test('a line of exactly the cap is whole, with and without a carriage return', () => {
  const line = '6,1,1,-;'.padEnd(100, 'x');
  for (const end of ['\n', '\r\n']) {
    const [entry] = parseKernelLog(line + end, { format: 'kmsg', lineLength: 100 });
    expect(entry?.flaw).toBeUndefined();
    expect(entry?.text).toBe('x'.repeat(92));
  }
  expect(parseKernelLog(`${line}y\n`, { format: 'kmsg', lineLength: 100 })[0]?.flaw).toBe('truncated');
});

test('a restart of the numbering is marked and is no loss', () => {
  const entries = parse('6,100,9,-;old\n6,0,1,-;Linux version\n6,1,1,-;next\n');
  expect(entries.map(({ flaw }) => flaw)).toEqual([undefined, 'out-of-order', undefined]);
});
