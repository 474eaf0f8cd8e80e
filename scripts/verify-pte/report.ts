import {
  hex,
  _PAGE_USER,
  levelName,
  type Processor,
  rightsText,
  sizeWords,
  tableIndex,
  type Walk,
  type WalkStep,
  type X86Entry,
} from '../../lib/paging/index.js';
import type { Verification } from './verify.js';

/** What the exit status says. */
export type Verdict = 'cleared' | 'set' | 'unreadable' | 'not-present';

export const exitCodes: Readonly<Record<Verdict, number>> = {
  cleared: 0,
  set: 1,
  unreadable: 1,
  'not-present': 2,
};

/** `unreadable`: the tables lead nowhere, or the entry breaks a rule of the processor, so that there is no page to speak of, or that cannot be told. */
export function verdictOf(walk: Walk<X86Entry>): Verdict {
  if (walk.mapped) return walk.leaf.entry.user ? 'set' : 'cleared';
  return walk.fault.reason === 'not-present' ? 'not-present' : 'unreadable';
}

/** The text for people, in the form that scripts around the older tool know. */
export function textReport({ monitor, root, owner, processor, walk, reader }: Verification): string {
  const { address, levels, steps } = walk;
  const depth = ([5, 4, 3, 2, 1] as const).filter((level) => level <= levels);
  return [
    `[+] Connected to QEMU monitor at ${monitor}`,
    `[+] CR3 (Page Table Base): ${hex(root)}`,
    `    Page tables of: ${owner}`,
    `    Processor: ${processorWords(processor)}`,
    `    ${reader}`,
    '',
    `[+] Resolving PTE for virtual address ${hex(address)}`,
    ...depth.map((level) => `    ${levelName(level)} index: ${tableIndex(address, level)}`),
    ...steps.flatMap((step) => stepLines(step, walk)),
    '',
    ...conclusion(walk),
    '',
  ].join('\n');
}

function stepLines(step: WalkStep<X86Entry>, walk: Walk<X86Entry>): string[] {
  const { name, entryAddress, raw, entry } = step;
  if (entry.kind === 'table') return [`    ${name} entry: ${hex(raw)}, base: ${hex(entry.address ?? 0n)}`];
  const size =
    walk.mapped && step.level > 1 ? ` (the ${name} entry maps a page of ${sizeWords(walk.pageSize)})` : '';
  const which = step.level > 1 && !walk.mapped ? `${name} entry` : 'PTE';
  return [`    ${which} address: ${hex(entryAddress)}${size}`, `    ${which} value: ${hex(raw)}`];
}

function processorWords({ maxPhysicalAddress, gigabytePages, levels, nxe }: Processor): string {
  const has = (what: boolean | string): string => (what === true ? 'yes' : what === false ? 'no' : what);
  return `physical-address bits ${maxPhysicalAddress}, ${levels} levels, no-execute ${has(nxe)}, 1 GiB pages ${has(gigabytePages)}`;
}

const verdictOnFault = {
  'not-present': 'UNDETERMINED: the page is not present',
  'unknown-processor':
    'UNDETERMINED: what the processor has is unknown, and it decides whether it would use this entry',
} as const;

function conclusion(walk: Walk<X86Entry>): string[] {
  if (!walk.mapped) {
    const { reason } = walk.fault;
    const verdict =
      reason === 'not-present' || reason === 'unknown-processor'
        ? verdictOnFault[reason]
        : 'FAILED: there is no PTE that the processor could use';
    return [
      '[+] PTE Analysis:',
      `    Present: ${reason === 'not-present' ? 'False' : 'unknown'}`,
      '',
      `[-] ${walk.fault.message}`,
      `[-] Verification ${verdict}`,
    ];
  }
  const { leaf, effectiveRights, physicalAddress, pageSize } = walk;
  const { user } = leaf.entry;
  const value = hex(leaf.raw & _PAGE_USER);
  return [
    '[+] PTE Analysis:',
    '    Present: True',
    `    _PAGE_USER bit: ${user ? 'SET (user page)' : 'CLEARED (kernel page)'}`,
    `    _PAGE_USER value: ${value}`,
    `    Physical address: ${hex(physicalAddress)}, in a page of ${sizeWords(pageSize)}`,
    `    All levels together: ${rightsText(effectiveRights)} (${effectiveRights.user ? 'user mode may access it' : 'supervisor only'})`,
    '',
    user
      ? `[-] FAIL: _PAGE_USER bit is still set (${value})`
      : '[+] SUCCESS: _PAGE_USER bit is cleared (kernel page)',
    user
      ? '[-] Verification FAILED: _PAGE_USER bit is still set'
      : '[+] Verification PASSED: _PAGE_USER bit is cleared',
  ];
}

/** The same for programs. Numbers that may have 64 bits are hexadecimal strings. */
export function jsonReport({ monitor, root, owner, processor, walk, reader }: Verification): string {
  const verdict = verdictOf(walk);
  return `${JSON.stringify({
    verdict,
    exitCode: exitCodes[verdict],
    monitor,
    virtualAddress: hex(walk.address),
    cr3: hex(root),
    owner,
    reader,
    processor,
    levels: walk.levels,
    steps: walk.steps.map(({ level, name, index, entryAddress, raw, entry }) => ({
      level,
      name,
      index,
      entryAddress: hex(entryAddress),
      entry: hex(raw),
      present: entry.present,
      writable: entry.writable,
      user: entry.user,
      noExecute: entry.noExecute,
    })),
    ...(walk.mapped
      ? {
          pte: {
            address: hex(walk.leaf.entryAddress),
            value: hex(walk.leaf.raw),
            user: walk.leaf.entry.user,
          },
          pageSize: Number(walk.pageSize),
          physicalAddress: hex(walk.physicalAddress),
          effective: walk.effectiveRights,
        }
      : { fault: { reason: walk.fault.reason, level: walk.fault.level, message: walk.fault.message } }),
  })}\n`;
}
