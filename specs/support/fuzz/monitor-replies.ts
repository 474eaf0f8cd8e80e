import { readFileSync } from 'node:fs';
import { GdbError } from '../../../lib/gdb/index.js';
import { bytesOfHex, PacketReader } from '../../../lib/gdb/packet.js';
import { parseRegisterLayout } from '../../../lib/gdb/target-description.js';
import { parseProcessMaps } from '../../../lib/memory/process-maps.js';
import { MonitorError } from '../../../lib/monitor/index.js';
import { readGreeting } from '../../../lib/monitor/greeting.js';
import { ReplyFramer, replyEnd } from '../../../lib/monitor/framing.js';
import { parseGpa2hva, parseGva2gpa } from '../../../lib/monitor/parse/address.js';
import { parseMem, parseTlb } from '../../../lib/monitor/parse/mappings.js';
import { parseMemoryDump } from '../../../lib/monitor/parse/memory-dump.js';
import { parseMemoryTree } from '../../../lib/monitor/parse/memory-tree.js';
import { parseCpus, parseStatus } from '../../../lib/monitor/parse/status.js';
import { parseTcpTable } from '../../../lib/monitor/tcp-table.js';
import { cutText, type FuzzOptions, isRefused, mutateText, pick, type Random, repeat } from './random.js';

/** What the run met. A kind of thing that never came up was not tested. */
function noCounts() {
  return {
    /** Replies that came through the framing exactly as they were sent. */
    framed: 0,
    /** Broken streams that ended in a typed error, or that left the framer waiting (where a deadline ends it). */
    streamsRefused: 0,
    streamsWaiting: 0,
    /** By the parsers, over mutated replies. */
    refused: 0,
    understood: 0,
  };
}
type Counts = ReturnType<typeof noCounts>;

const MAX_REPLY_BYTES = 100_000;
const TOKENS = [
  '(qemu) ',
  '\x1b[K',
  '\x1b[D',
  '\r\n',
  '\n',
  '0x',
  ': ',
  ' ',
  '-',
  'PG disabled',
  'FlatView #0\n',
  '$',
  '#',
  '}',
  '*',
  '\0',
  'ff',
  '99999999999999999999',
];
const folder = new URL('../../unit/monitor/recorded/', import.meta.url);

const REQUEST = { address: 0x1000n, unit: 'g', count: 4 } as const;
/** Every parser of what QEMU or the kernel says, with a text that it understands. */
const PARSERS: readonly { readonly sample: string; readonly parse: (text: string) => unknown }[] = [
  { sample: recorded('tlb-linux'), parse: parseTlb },
  { sample: recorded('mem-linux'), parse: parseMem },
  { sample: recorded('mtree-firmware'), parse: parseMemoryTree },
  { sample: recorded('cpus-firmware'), parse: parseCpus },
  { sample: 'VM status: paused (prelaunch)\n', parse: parseStatus },
  { sample: 'gpa: 0x1000000\n', parse: parseGva2gpa },
  { sample: 'Host virtual address for 0x1000 (pc.ram) is 0x7ffadfe01000\n', parse: parseGpa2hva },
  {
    sample:
      '0000000000001000: 0x4801a03f51258d48 0x01b9fffffff23d8d\n0000000000001010: 0xb19e058b48c00001 0x000000c2c74801bf\n',
    parse: (text) => parseMemoryDump(text, REQUEST, 'xp'),
  },
  {
    sample: "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ",
    parse: (text) => readGreeting(text, { port: 1 }),
  },
  { sample: '+$T05thread:01;#07$0* #7a', parse: (text) => [...new PacketReader(10_000).push(text)] },
  { sample: '00ff7f80', parse: bytesOfHex },
  {
    sample: '<reg name="rax" bitsize="64" regnum="0"/><!-- <reg --><reg name="cr3" bitsize="64"/>',
    parse: parseRegisterLayout,
  },
  // A busy host has thousands of connections, which would be beyond the framing's bound.
  {
    sample: readFileSync('/proc/self/net/tcp', 'latin1').split('\n').slice(0, 25).join('\n'),
    parse: parseTcpTable,
  },
  { sample: readFileSync('/proc/self/maps', 'utf8').slice(0, 4_000), parse: parseProcessMaps },
];

/**
 * Feeds mutated replies to every parser, and whole conversations in random chunks to the framing.
 *
 * @throws Error when anything throws that is not a typed error, a value is no number of its kind, a framed reply differs from the
 *   one sent, or a bound is passed; the message holds seed and iteration
 */
export function run(options: FuzzOptions) {
  const corpus = PARSERS.map(({ sample }) => sample);
  const counts = noCounts();
  for (const { sample, parse } of PARSERS) parse(sample);
  return repeat(options, counts, (random) => {
    const { sample, parse } = pick(PARSERS, random);
    const text = mutateText(sample, corpus, TOKENS, random);
    const refused = isRefused(
      () => {
        checkValue(parse(text));
      },
      MonitorError,
      GdbError,
    );
    counts[refused ? 'refused' : 'understood'] += 1;
    feedFraming(text, corpus, random, counts);
  });
}

/** Nothing in a result may be NaN, negative or wider than 64 bits. */
function checkValue(value: unknown): void {
  if (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 0))
    throw new Error(`a value is ${value}`);
  if (typeof value === 'bigint' && (value < 0n || value >= 1n << 64n)) throw new Error(`a value is ${value}`);
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return;
  for (const part of Object.values(value)) checkValue(part);
}

/** A conversation whose replies hold anything but the mark's echo, first whole, then with its bytes mutated. */
function feedFraming(text: string, corpus: readonly string[], random: Random, counts: Counts): void {
  const replies = [text, pick(corpus, random), '', '(qemu) '].map((reply) => reply.replaceAll('\x1b', '?'));
  const sent = replies.map((reply, index) => `c${index}\x1b[K\r\n${reply}${replyEnd('m')}`).join('');
  const whole = frame(cutText(sent, random), replies.length, MAX_REPLY_BYTES);
  if (whole.length !== replies.length || replies.some((reply, index) => reply !== whole[index])) {
    throw new Error('a reply came out of the framing otherwise than it went in');
  }
  counts.framed += whole.length;
  try {
    const some = frame(cutText(mutateText(sent, corpus, TOKENS, random), random), replies.length, 200);
    if (some.length < replies.length) counts.streamsWaiting += 1;
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    counts.streamsRefused += 1;
  }
}

function frame(chunks: readonly string[], expected: number, maxBytes: number): string[] {
  const framer = new ReplyFramer();
  for (let index = 0; index < expected; index += 1) framer.expect(`c${index}`, 'm', maxBytes);
  const replies: string[] = [];
  for (const chunk of chunks) {
    for (const { kind, text } of framer.push(chunk)) if (kind === 'reply') replies.push(text);
  }
  for (const reply of replies)
    if (reply.length > maxBytes + 64) throw new Error('a reply is beyond its bound');
  return replies;
}

function recorded(name: string): string {
  return readFileSync(new URL(`${name}.txt`, folder), 'utf8');
}
