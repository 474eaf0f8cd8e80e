import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import {
  checkClearing,
  KernelLogParser,
  pagesFrom,
  pairClearings,
} from '../../lib/guest/kernel-log/index.js';
import type { KernelLogEntry, KernelLogFormat } from '../../lib/guest/kernel-log/index.js';
import { evaluateReports, ReportDetector, RULES } from '../../lib/guest/reports/index.js';
import type { KernelReport } from '../../lib/guest/reports/index.js';

export interface KernelLogFuzzOptions {
  /** Mutated logs to feed, from 1. */
  readonly iterations: number;
  /** The same seed gives the same logs. */
  readonly seed: number;
}

/** What the run met; a run in which a kind of thing never came up has not tested it. */
export interface KernelLogFuzzCounts {
  iterations: number;
  bytes: number;
  entries: number;
  flawed: number;
  losses: number;
  pairs: number;
  findings: number;
  reports: number;
  slowestMs: number;
}

const LINE_LENGTH = 2048;
const REPORT_CHARACTERS = 16 * 1024;
const FIRST_PAGE = 0x7f00_0000_0000n;
const corpusFolder = new URL('../../specs/unit/kernel-log/recorded/', import.meta.url);

/**
 * Feeds mutated kernel logs (bytes flipped, pieces cut, doubled, moved, joined with others, cut into chunks anywhere) through parser,
 * pairing and report detection.
 *
 * @throws Error when anything throws, a bound is passed, or the same log in one chunk gives something else; the message holds the
 *   seed and the iteration
 */
export function run({ iterations, seed }: KernelLogFuzzOptions): KernelLogFuzzCounts {
  const corpus = [...recordedLogs(), examples(), clearingLog()].map((text) => Buffer.from(text));
  const random = generator(seed);
  const counts: KernelLogFuzzCounts = {
    iterations: 0,
    bytes: 0,
    entries: 0,
    flawed: 0,
    losses: 0,
    pairs: 0,
    findings: 0,
    reports: 0,
    slowestMs: 0,
  };
  for (; counts.iterations < iterations; counts.iterations++) {
    const log = mutated(corpus, random);
    const began = performance.now();
    try {
      feed(log, random, counts);
    } catch (error) {
      throw new Error(`Kernel log fuzzing failed at seed ${seed}, iteration ${counts.iterations}`, {
        cause: error,
      });
    }
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - began);
  }
  return counts;
}

function feed(log: Buffer, random: Random, counts: KernelLogFuzzCounts): void {
  for (const format of ['kmsg', 'dmesg'] as const) {
    const entries = parse([log], format);
    const reports = detect(entries);
    const again = parse(cut(log, random), format);
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

function parse(chunks: readonly Buffer[], format: KernelLogFormat): KernelLogEntry[] {
  const parser = new KernelLogParser({ format, lineLength: LINE_LENGTH });
  return [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()];
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

type Random = (below: number) => number;

/** Numbers from 0 up to `below`, not included: mulberry32, which is enough to spread mutations. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick(corpus: readonly Buffer[], random: Random): Buffer {
  return corpus[random(corpus.length)] ?? Buffer.alloc(0);
}

function mutated(corpus: readonly Buffer[], random: Random): Buffer {
  let log: Buffer = Buffer.concat(Array.from({ length: 1 + random(3) }, () => pick(corpus, random)));
  for (let times = random(8); times > 0; times--) log = mutateOnce(log, corpus, random);
  return log;
}

function mutateOnce(log: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  const at = random(log.length + 1);
  const length = random(Math.min(400, log.length - at + 1));
  const piece = log.subarray(at, at + length);
  const before = log.subarray(0, at);
  const after = log.subarray(at + length);
  switch (random(6)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, piece, piece, after]);
    case 2:
      return Buffer.concat([before, after, piece]);
    case 3:
      return Buffer.concat([before, pick(corpus, random), piece, after]);
    case 4:
      return Buffer.concat([before, Buffer.from(piece.map(() => random(256))), after]);
    default:
      return Buffer.concat([before, Buffer.alloc(random(10_000), 0x20 + random(0xe0)), piece, after]);
  }
}

function cut(log: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  const most = 1 + random(300);
  for (let from = 0; from < log.length;) {
    const length = 1 + random(most);
    chunks.push(log.subarray(from, from + length));
    from += length;
  }
  return chunks;
}
