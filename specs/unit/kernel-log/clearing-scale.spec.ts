import { expect, test } from '@playwright/test';
import {
  checkClearing,
  KernelLogParser,
  pagesFrom,
  pairClearings,
} from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';
import { detectReports } from '../../../lib/guest/reports/index.js';
import { leaf, pair } from './clearing-log.js';

const START = 0x7f00_0000_0000n;
const PAGES = 65_536;

/** The log of a 256 MiB mapping as /dev/kmsg gives it, in chunks of 64 KiB. */
function* chunks(): Generator<Uint8Array> {
  const lines = pagesFrom(START, PAGES).flatMap(({ address }, index) => pair(address, leaf(index + 1)));
  const log = Buffer.from(lines.map((line, index) => `6,${index},${index},-;${line}\n`).join(''));
  for (let from = 0; from < log.length; from += 65_536) yield log.subarray(from, from + 65_536);
}

test('the 131,072 lines of a 256 MiB mapping', ({}, testInfo) => {
  const input = [...chunks()];
  const began = performance.now();
  const parser = new KernelLogParser({ format: 'kmsg', firstSequence: 0 });
  const entries: KernelLogEntry[] = [];
  for (const chunk of input) for (const entry of parser.push(chunk)) entries.push(entry);
  const parsed = performance.now();
  const log = pairClearings(entries);
  const paired = performance.now();
  const findings = checkClearing(log, pagesFrom(START, PAGES));
  const checked = performance.now();
  const reports = detectReports(entries);
  const scanned = performance.now();

  expect(entries).toHaveLength(2 * PAGES);
  expect(log.records).toHaveLength(PAGES);
  expect(findings).toEqual([]);
  expect(reports).toEqual([]);
  // A figure to read, not to judge by: the machine may be busy.
  const ms = (from: number, to: number): string => `${(to - from).toFixed(0)} ms`;
  testInfo.annotations.push({
    type: 'figure',
    description: `parse ${ms(began, parsed)}, pair ${ms(parsed, paired)}, check ${ms(paired, checked)}, scan for reports ${ms(checked, scanned)}`,
  });
});

test('a hostile log of one address 131,072 times open does not make the pairing quadratic', () => {
  const line = (index: number): string => {
    const [first = '', second = ''] = pair(START, leaf(1 + (index % 7)));
    return index < PAGES ? first : second;
  };
  const entries = Array.from({ length: 2 * PAGES }, (_, index) => ({ text: line(index), seq: index }));
  const { records } = pairClearings(entries);
  expect(records).toHaveLength(PAGES);
  expect(records.every(({ seen }) => seen === 'both')).toBe(true);
});
