import { readFileSync } from 'node:fs';
import { type CpuRegisters, MonitorParseError, parseRegisters } from '../../../lib/monitor/index.js';
import { type FuzzOptions, isRefused, mutateText, type Random, randomBits, repeat } from './random.js';

const GENERAL = ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp', 'sp'];
const EXTENDED = ['8', '9', '10', '11', '12', '13', '14', '15'];
const TOKENS = [
  'CPU#',
  'CPU#0\n',
  '=',
  ' ',
  '\n',
  'RIP=',
  'CR3=',
  'HLT=',
  'f',
  '0',
  '-',
  'TR =',
  '\0',
  'é',
  '9999999999',
];
const folder = new URL('../../unit/monitor/recorded/', import.meta.url);

/**
 * Feeds the parser of `info registers -a` dumps of random registers, printed as QEMU prints them: each value must come back.
 * Then the same and recorded dumps, mutated: a typed error, or vCPUs in which every value is in its bounds.
 *
 * @throws Error when anything else happens; the message holds seed and iteration
 */
export function run(options: FuzzOptions) {
  const corpus = ['linux', 'firmware', 'la57'].map((name) =>
    readFileSync(new URL(`registers-${name}.txt`, folder), 'utf8'),
  );
  /** Unharmed dumps, whose every value came back; mutated ones that were refused with a typed error, and that were understood. */
  const counts = { exact: 0, refused: 0, understood: 0 };
  return repeat(options, counts, (random) => {
    const printed = Array.from({ length: 1 + random(3) }, (_, cpu) => randomCpu(cpu, random));
    const text = printed.map(({ text }) => text).join('');
    compare(parseRegisters(text), printed);
    counts.exact += 1;
    const victim = random(2) === 0 ? text : (corpus[random(corpus.length)] ?? text);
    const refused = isRefused(() => {
      checkBounds(parseRegisters(mutateText(victim, corpus, TOKENS, random)));
    }, MonitorParseError);
    counts[refused ? 'refused' : 'understood'] += 1;
  });
}

interface PrintedCpu {
  readonly text: string;
  readonly width: 32 | 64;
  /** By the names that the printed text has, lower case. */
  readonly values: ReadonlyMap<string, bigint>;
}

/** A vCPU with random registers, as QEMU 7.2 prints it (target/i386/cpu-dump.c). */
function randomCpu(cpu: number, random: Random): PrintedCpu {
  const width = random(3) === 0 ? 32 : 64;
  const prefix = width === 64 ? 'R' : 'E';
  const values = new Map<string, bigint>();
  const put = (name: string, bits: number, digits = bits / 4): string => {
    const value = randomBits(bits, random);
    values.set(name.trim().toLowerCase(), value);
    return `${name}=${value.toString(16).padStart(digits, '0')}`;
  };
  const names = [
    ...GENERAL.map((name) => prefix + name.toUpperCase()),
    ...(width === 64 ? EXTENDED.map((name) => `R${name}`.padEnd(3)) : []),
  ];
  const segment = (name: string): string => {
    const selector = put(name.padEnd(3), 16);
    const rest = [put('base', width, width / 4), put('limit', 32), put('flags', 32)];
    for (const part of ['base', 'limit', 'flags'])
      values.set(`${name.toLowerCase()}.${part}`, values.get(part) ?? 0n);
    const tail = random(2) === 0 ? '' : ' DPL=0 CS64 [-RA]';
    return [selector, ...rest.map((part) => part.slice(part.indexOf('=') + 1))].join(' ') + tail;
  };
  const halted = random(2);
  const cpl = random(4);
  const lines = [
    '',
    `CPU#${cpu}`,
    ...inGroups(
      names.map((name) => put(name, width)),
      4,
    ),
    `${put(`${prefix}IP`, width)} ${put(`${prefix}FL`, 32)} [--S---C] CPL=${cpl} II=0 A20=1 SMM=0 HLT=${halted}`,
    ...['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'].map(segment),
    `GDT=     ${randomBits(width, random)
      .toString(16)
      .padStart(width / 4, '0')} 0000007f`,
    `IDT=     ${randomBits(width, random)
      .toString(16)
      .padStart(width / 4, '0')} 00000fff`,
    `${put('CR0', 32)} ${put('CR2', 64)} ${put('CR3', 64)} ${put('CR4', 32)}`,
    'DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 ',
    put('EFER', 64),
    'FPR0=0000000000000000 0000 FPR1=0000000000000000 0000',
    'XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000',
    '',
  ];
  values.set('halted', BigInt(halted));
  values.set('cpl', BigInt(cpl));
  return { text: lines.join('\n'), width, values };
}

function inGroups(parts: readonly string[], size: number): string[] {
  return Array.from({ length: Math.ceil(parts.length / size) }, (_, line) =>
    parts.slice(line * size, (line + 1) * size).join(' '),
  );
}

function compare(parsed: readonly CpuRegisters[], printed: readonly PrintedCpu[]): void {
  if (parsed.length !== printed.length) throw new Error(`${parsed.length} vCPUs came of ${printed.length}`);
  for (const [cpu, { width, values }] of printed.entries()) {
    const got = parsed[cpu];
    const prefix = width === 64 ? 'r' : 'e';
    const expectSame = (name: string, actual: bigint | number | undefined): void => {
      const expected = values.get(name);
      if (actual === undefined || expected === undefined || BigInt(actual) !== expected) {
        throw new Error(`${name} of vCPU ${cpu} is ${String(actual)}, not ${String(expected)}`);
      }
    };
    if (got?.width !== width) throw new Error(`vCPU ${cpu} has not its width`);
    for (const [name, value] of Object.entries(got.general)) {
      expectSame(/^r\d/.test(name) ? name : prefix + name.slice(1), value);
    }
    if (Object.keys(got.general).length !== (width === 64 ? 16 : 8))
      throw new Error(`vCPU ${cpu} lacks registers`);
    for (const name of ['cr0', 'cr2', 'cr3', 'cr4', 'efer', 'cpl'] as const) expectSame(name, got[name]);
    expectSame(`${prefix}ip`, got.rip);
    expectSame(`${prefix}fl`, got.rflags);
    expectSame('halted', got.halted ? 1 : 0);
    for (const [name, { selector, base, limit, flags }] of Object.entries(got.segments)) {
      expectSame(name, selector);
      expectSame(`${name}.base`, base);
      expectSame(`${name}.limit`, limit);
      expectSame(`${name}.flags`, flags);
    }
  }
}

function checkBounds(cpus: readonly CpuRegisters[]): void {
  if (cpus.length === 0) throw new Error('no vCPU, and no error');
  for (const { cpu, general, rip, rflags, cr0, cr2, cr3, cr4, efer, cpl, segments } of cpus) {
    const values = [...Object.values(general), rip, rflags, cr0, cr2, cr3, cr4, efer];
    for (const { selector, base, limit, flags } of Object.values(segments))
      values.push(BigInt(selector), base, limit, BigInt(flags));
    if (!values.every((value) => value >= 0n && value < 1n << 64n))
      throw new Error(`vCPU ${cpu} holds a value beyond 64 bits`);
    if (!Number.isSafeInteger(cpu) || !(cpl >= 0 && cpl <= 3))
      throw new Error(`vCPU ${cpu} or its CPL ${cpl} is no number of its kind`);
  }
}
