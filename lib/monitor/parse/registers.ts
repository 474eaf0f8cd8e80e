import { MonitorParseError } from '../errors.js';
import { contentLines, decimal, hex } from './fields.js';
import type { CpuFeatures } from './processor.js';

const COMMAND = 'info registers';

const GENERAL = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'] as const;
const EXTENDED = ['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldt', 'tr'] as const;

export type GeneralRegister = (typeof GENERAL)[number] | (typeof EXTENDED)[number];
export type SegmentRegister = (typeof SEGMENTS)[number];

/** A segment register with its hidden part. */
export interface Segment {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: bigint;
  /** The descriptor's second doubleword, as QEMU keeps it: type, S, DPL, P, AVL, L, D/B, G at their places (SDM vol. 3 §3.4.5). */
  readonly flags: number;
}

/** One vCPU in `info registers`. */
export interface CpuRegisters {
  readonly cpu: number;
  /**
   * How QEMU printed the general registers: 64 bits only while CS is a 64-bit code segment. With 32, the upper halves are not
   * shown (they read as 0 here) and r8 to r15 are missing, also for 32-bit code of a 64-bit kernel.
   */
  readonly width: 32 | 64;
  readonly general: Readonly<Partial<Record<GeneralRegister, bigint>>>;
  readonly rip: bigint;
  readonly rflags: bigint;
  /** Current privilege level: 3 is user mode. */
  readonly cpl: number;
  /** The vCPU waits in HLT. */
  readonly halted: boolean;
  readonly smm: boolean;
  readonly segments: Readonly<Record<SegmentRegister, Segment>>;
  readonly gdt: { readonly base: bigint; readonly limit: bigint };
  readonly idt: { readonly base: bigint; readonly limit: bigint };
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** What this vCPU's CPUID says; undefined if nobody has asked. */
  readonly features?: CpuFeatures;
}

/**
 * Parses `info registers` or `info registers -a` (QEMU 7.2, target/i386/cpu-dump.c). Debug, FPU and vector registers are
 * passed over. Where QEMU prints a single vCPU without its header, it counts as vCPU 0, whichever was selected.
 *
 * @throws MonitorParseError if a vCPU lacks a register that every x86-64 vCPU has, or comes twice
 */
export function parseRegisters(reply: string): CpuRegisters[] {
  const dumps = new Map<number, string[]>();
  const headed = /^CPU#\d/m.test(reply);
  let current: string[] | undefined;
  for (const line of contentLines(reply)) {
    const header = /^CPU#(\d+)$/.exec(line);
    if (header !== null) {
      const cpu = decimal(header[1], COMMAND, line);
      if (dumps.has(cpu)) throw new MonitorParseError(COMMAND, `vCPU ${String(cpu)} comes twice`, line);
      current = [];
      dumps.set(cpu, current);
    } else if (current === undefined && headed) {
      throw new MonitorParseError(COMMAND, 'a line before the first "CPU#"', line);
    } else {
      if (current === undefined) dumps.set(0, (current = []));
      current.push(line);
    }
  }
  if (dumps.size === 0) throw new MonitorParseError(COMMAND, 'there is no vCPU in it', reply);
  return Array.from(dumps, ([cpu, lines]) => parseCpu(cpu, lines));
}

function parseCpu(cpu: number, lines: readonly string[]): CpuRegisters {
  const fields = new Map<string, string>();
  const segmentLines = new Map<string, string>();
  for (const line of lines) {
    const segment = /^(ES|CS|SS|DS|FS|GS|LDT|TR|GDT|IDT) ?= *([0-9a-f]+(?: [0-9a-f]+)+)/.exec(line);
    if (segment?.[1] !== undefined && segment[2] !== undefined) {
      segmentLines.set(segment[1].toLowerCase(), segment[2]);
      continue;
    }
    for (const [, name, value] of line.matchAll(/\b([A-Z][A-Z0-9]{1,4}) ?=([0-9a-f]+)/g)) {
      if (name === undefined || value === undefined) continue;
      if (fields.has(name))
        throw new MonitorParseError(COMMAND, `${name} comes twice for vCPU ${String(cpu)}`, line);
      fields.set(name, value);
    }
  }
  const width = fields.has('RIP') ? 64 : 32;
  const [generalPrefix, names] =
    width === 64 ? (['R', [...GENERAL, ...EXTENDED]] as const) : (['E', GENERAL] as const);
  const field = (name: string): bigint => {
    const digits = fields.get(name);
    if (digits === undefined)
      throw new MonitorParseError(COMMAND, `vCPU ${String(cpu)} has no ${name}`, lines.join('\n'));
    return hex(digits, COMMAND, `${name}=${digits}`);
  };
  const parts = (name: string, count: number): string[] => {
    const found = segmentLines.get(name)?.split(' ') ?? [];
    if (found.length < count) {
      throw new MonitorParseError(
        COMMAND,
        `vCPU ${String(cpu)} has no ${name.toUpperCase()}`,
        lines.join('\n'),
      );
    }
    return found;
  };
  const table = (name: string): { base: bigint; limit: bigint } => {
    const [base, limit] = parts(name, 2);
    return { base: hex(base, COMMAND, name), limit: hex(limit, COMMAND, name) };
  };
  return {
    cpu,
    width,
    general: Object.fromEntries(
      names.map((name) => [name, field(generalPrefix + name.slice(1).toUpperCase())]),
    ),
    rip: field(width === 64 ? 'RIP' : 'EIP'),
    rflags: field(width === 64 ? 'RFL' : 'EFL'),
    cpl: Number(field('CPL') & 3n),
    halted: field('HLT') !== 0n,
    smm: field('SMM') !== 0n,
    segments: Object.fromEntries(SEGMENTS.map((name) => [name, parseSegment(parts(name, 4))])) as Record<
      SegmentRegister,
      Segment
    >,
    gdt: table('gdt'),
    idt: table('idt'),
    cr0: field('CR0'),
    cr2: field('CR2'),
    cr3: field('CR3'),
    cr4: field('CR4'),
    efer: field('EFER'),
  };
}

function parseSegment([selector, base, limit, flags]: readonly string[]): Segment {
  return {
    selector: Number(hex(selector, COMMAND, selector ?? '') & 0xffffn),
    base: hex(base, COMMAND, base ?? ''),
    limit: hex(limit, COMMAND, limit ?? ''),
    flags: Number(hex(flags, COMMAND, flags ?? '') & 0xffff_ffffn),
  };
}
