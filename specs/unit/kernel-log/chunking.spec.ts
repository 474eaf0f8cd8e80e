import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { KernelLogParser, parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry, KernelLogFormat } from '../../../lib/guest/kernel-log/index.js';
import { detectReports, ReportDetector, RULES } from '../../../lib/guest/reports/index.js';
import type { KernelReport } from '../../../lib/guest/reports/index.js';
import { recorded } from './recorded.js';

const formats: KernelLogFormat[] = ['kmsg', 'dmesg'];

/** Fragments of which logs consist, good and bad, so that the pieces meet in all orders. */
const fragment = fc.oneof(
  fc.constantFrom(...RULES.flatMap(({ example, healthy }) => [example, healthy])).map(stamped),
  fc.constantFrom('Call Trace:', ' f+0x1/0x2', 'CPU: 1 PID: 7 Comm: a', ' </TASK>').map(stamped),
  fc.constantFrom(
    '6,1,1,-;a\n',
    '6,2,1000,c;b\\x0a\\xe2\\x82\\xac\n',
    ' SUBSYSTEM=pci\n',
    '6,9,1,-;VFIO: Clearing _PAGE_USER at vaddr 0x7f0000000000, old PTE: 0x8000000000000867\n',
    '!EPIPE\n',
    '[    1.000000] ------------[ cut here ]------------\r\n',
    '<4>[    1.000001] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n',
    '[    1.000002] ---[ end trace 0000000000000000 ]---\n',
    '[    1.000003] Kernel panic - not syncing: é€😀\n',
    '\n',
    '\r\n',
    'é€😀',
    'x'.repeat(150),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

/** A text as a console prints it. */
function stamped(text: string): string {
  return text
    .split('\n')
    .map((line) => `[    1.000004] ${line}\n`)
    .join('');
}

function bytesOf(parts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(parts.join(''));
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [...sorted, bytes.length].map((end, index) => bytes.subarray(sorted[index - 1] ?? 0, end));
}

function inChunks(chunks: readonly Uint8Array[], format: KernelLogFormat): KernelLogEntry[] {
  const parser = new KernelLogParser({ format, lineLength: 120 });
  return [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()];
}

for (const format of formats) {
  test(`${format}: any cutting of any text gives the same entries and the same reports`, () => {
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (parts, places) => {
          const bytes = bytesOf(parts);
          const whole = parseKernelLog(bytes, { format, lineLength: 120 });
          const entries = inChunks(cut(bytes, places), format);
          expect(entries).toEqual(whole);
          expect(detectReports(entries)).toEqual(detectReports(whole));
        },
      ),
    );
  });

  test(`${format}: random bytes never throw, are kept within the cap, and lose no readable line`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const entries = inChunks([bytes], format);
        for (const { text } of entries) expect(text.length).toBeLessThanOrEqual(120);
        detectReports(entries);
      }),
    );
  });
}

test('byte by byte, a recorded report is the same as at once', () => {
  const bytes = bytesOf([recorded('oops-null'), recorded('rcu-stall'), recorded('kasan')]);
  const single = inChunksOfOne(bytes);
  expect(single).toEqual(detectReports(parseKernelLog(bytes, { format: 'dmesg' })));
  expect(single.map(({ kind }) => kind)).toEqual(['taint', 'page-fault', 'rcu-stall', 'kasan']);
});

function inChunksOfOne(bytes: Uint8Array): KernelReport[] {
  const parser = new KernelLogParser({ format: 'dmesg' });
  const detector = new ReportDetector();
  for (let index = 0; index < bytes.length; index++)
    for (const entry of parser.push(bytes.subarray(index, index + 1))) detector.push(entry);
  for (const entry of parser.end()) detector.push(entry);
  return detector.reportsBetween();
}

test('what the parser holds of an endless line, and the detector of an endless report, is bounded', () => {
  const parser = new KernelLogParser({ format: 'dmesg' });
  for (let index = 0; index < 2000; index++) parser.push('x'.repeat(1000));
  expect(parser.end()[0]?.text.length).toBe(8192);

  const detector = new ReportDetector();
  detector.push({ text: 'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [a:1]', time: 1 });
  for (let index = 0; index < 50_000; index++) detector.push({ text: ` f${index}+0x1/0x2`, time: 1 });
  const [report] = detector.reportsBetween();
  expect(report).toMatchObject({ kind: 'soft-lockup', truncated: true, complete: false });
  expect(report?.text.length).toBeLessThanOrEqual(64 * 1024);
});
