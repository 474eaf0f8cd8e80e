import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import {
  checkClearing,
  KernelLogParser,
  pagesFrom,
  pairClearings,
} from '../../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry, KernelLogFormat } from '../../../lib/guest/kernel-log/index.js';
import { evaluateReports, ReportDetector, RULES } from '../../../lib/guest/reports/index.js';
import type { KernelReport } from '../../../lib/guest/reports/index.js';
import { cutText, type FuzzOptions, mutateText, pick, type Random, repeat } from './random.js';

/** What the run met. A kind of thing that never came up was not tested. */
function noCounts() {
  return { bytes: 0, entries: 0, flawed: 0, losses: 0, pairs: 0, findings: 0, reports: 0 };
}

const TOKENS = ['\n', '\\x', '\x00', '\xff', ' ', ';', ',', '[', 'x'];
const LINE_LENGTH = 2048;
const REPORT_CHARACTERS = 16 * 1024;
const FIRST_PAGE = 0x7f00_0000_0000n;
const corpusFolder = new URL('../../unit/kernel-log/recorded/', import.meta.url);

/**
 * Feeds mutated kernel logs (bytes flipped, pieces cut, doubled, moved, joined with others, cut into chunks anywhere) through parser,
 * pairing and report detection.
 *
 * @throws Error when anything throws, a bound is passed, or the same log in one chunk gives something else; the message holds the
 *   seed and the iteration
 */
export function run(options: FuzzOptions) {
  const corpus = [...recordedLogs(), examples(), clearingLog()].map((text) =>
    Buffer.from(text).toString('latin1'),
  );
  const counts = noCounts();
  return repeat(options, counts, (random) => {
    const log = Array.from({ length: 1 + random(3) }, () => pick(corpus, random)).join('');
    const mutated = random(8) === 0 ? log : mutateText(log, corpus, TOKENS, random);
    feed(mutated, random, counts);
  });
}

function feed(log: string, random: Random, counts: ReturnType<typeof noCounts>): void {
  for (const format of ['kmsg', 'dmesg'] as const) {
    const entries = parse([log], format);
    const reports = detect(entries);
    const again = parse(cutText(log, random), format);
    if (render(again) !== render(entries))
      throw new Error(`${format}: chunks gave other entries than the whole`);
    if (render(detect(again)) !== render(reports)) throw new Error(`${format}: chunks gave other reports`);
    for (const { text } of entries)
      if (text.length > LINE_LENGTH)
        throw new Error(`an entry of ${text.length} characters is beyond the cap`);
    for (const { text } of reports)
      if (text.length > REPORT_CHARACTERS)
        throw new Error(`a report of ${text.length} characters is beyond the cap`);
    const pairs = pairClearings(entries);
    evaluateReports(reports, { lost: pairs.lost });

    counts.bytes += log.length;
    counts.entries += entries.length;
    counts.flawed += entries.filter(({ flaw }) => flaw !== undefined).length;
    counts.losses += entries.filter(({ lost }) => lost !== undefined).length;
    counts.pairs += pairs.records.filter(({ seen }) => seen === 'both').length;
    counts.findings += checkClearing(pairs, pagesFrom(FIRST_PAGE, 16)).length;
    counts.reports += reports.length;
  }
}

/** `chunks` have a character for each byte. */
function parse(chunks: readonly string[], format: KernelLogFormat): KernelLogEntry[] {
  const parser = new KernelLogParser({ format, lineLength: LINE_LENGTH });
  return [...chunks.flatMap((chunk) => parser.push(Buffer.from(chunk, 'latin1'))), ...parser.end()];
}

function detect(entries: readonly KernelLogEntry[]): KernelReport[] {
  const detector = new ReportDetector({ characters: REPORT_CHARACTERS });
  for (const entry of entries) detector.push(entry);
  return detector.reportsBetween();
}

/** To compare by. */
function render(values: readonly object[]): string {
  return JSON.stringify(values);
}

function recordedLogs(): string[] {
  const logs = readdirSync(corpusFolder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => readFileSync(new URL(name, corpusFolder), 'utf8'));
  return [...logs, ...logs.map(asKmsg)];
}

/** Each rule's sick and healthy text, one after the other. */
function examples(): string {
  const lines = RULES.flatMap(({ example, healthy }) => [example, healthy].join('\n').split('\n'));
  return lines.map((line, index) => `[   61.${String(index).padStart(6, '0')}] ${line}\n`).join('');
}

/** A recorded `dmesg` as /dev/kmsg would give it. */
function asKmsg(log: string): string {
  return log
    .split('\n')
    .map((line, seq) => line.replace(/^\[ *(\d+)\.(\d+)\] /, `4,${seq},$1$2,-;`))
    .join('\n');
}

function clearingLog(): string {
  const lines = pagesFrom(FIRST_PAGE, 16).flatMap(({ address }, index) => {
    const at = `vaddr 0x${address.toString(16)}`;
    const frame = (index + 0x1f0ba).toString(16);
    return [
      `VFIO: Clearing _PAGE_USER at ${at}, old PTE: 0x80000000${frame}867`,
      `VFIO: Successfully cleared _PAGE_USER at ${at}, new PTE: 0x80000000${frame}863`,
    ];
  });
  return lines.map((line, seq) => `6,${seq},${seq},-;${line}\n SUBSYSTEM=vfio\n`).join('');
}
