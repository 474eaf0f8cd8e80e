import { expect, test } from '@playwright/test';
import { parseKernelLog } from '../../../lib/guest/kernel-log/index.js';
import {
  chooseCause,
  decodeTaint,
  detectReports,
  evaluateReports,
  taintReports,
} from '../../../lib/guest/reports/index.js';
import type { Finding, Grade, KernelReport } from '../../../lib/guest/reports/index.js';
import { recorded } from './recorded.js';

function reportsOf(...names: string[]): KernelReport[] {
  return names.flatMap((name) => detectReports(parseKernelLog(recorded(name), { format: 'dmesg' })));
}

test('a quiet window is well; any report fails it, with its title as the message', () => {
  expect(evaluateReports([])).toMatchObject({ ok: true, messages: [] });
  const verdict = evaluateReports(reportsOf('dmar'));
  expect(verdict.ok).toBe(false);
  expect(verdict.unexpected).toHaveLength(2);
  expect(verdict.messages[0]).toBe(
    'The kernel reported (error): DMAR fault: DMA Write NO_PASID by device 00:04.0 fault addr 0x100000 [fault reason 0x05] PTE Write access is not set',
  );
});

test('an expected report is no fault, and only what the pattern means is expected', () => {
  const reports = reportsOf('dmar');
  const write = { kind: 'dmar-fault', title: 'DMA Write' } as const;
  expect(evaluateReports(reports, { expect: [write] }).unexpected.map(({ title }) => title)).toEqual([
    expect.stringContaining('DMA Read'),
  ]);
  expect(evaluateReports(reports, { expect: [write], allow: [{ text: /0x200000/g }] }).ok).toBe(true);
  expect(evaluateReports(reports, { expect: [{ kind: ['oom', 'dmar-fault'] }] }).ok).toBe(true);
  expect(evaluateReports(reports, { expect: [{ grade: 'fatal' }] }).ok).toBe(false);
});

test('an expected report that does not appear fails; an allowed one need not appear', () => {
  const verdict = evaluateReports([], { expect: [{ kind: 'dmar-fault', title: /0x100000/ }] });
  expect(verdict).toMatchObject({
    ok: false,
    messages: ['Expected a kernel report (kind dmar-fault, title /0x100000/), seen 0 time(s)'],
  });
  expect(evaluateReports([], { allow: [{ kind: 'dmar-fault' }] }).ok).toBe(true);
});

test('a global expression matches report after report', () => {
  const fault = { kind: 'dmar-fault', title: /DMAR fault/g, count: 2 } as const;
  expect(evaluateReports(reportsOf('dmar'), { expect: [fault] })).toMatchObject({ ok: true, missing: [] });
});

test('a count is exact', () => {
  const reports = reportsOf('dmar');
  expect(evaluateReports(reports, { expect: [{ kind: 'dmar-fault', count: 2 }] }).ok).toBe(true);
  expect(evaluateReports(reports, { expect: [{ kind: 'dmar-fault', count: 1 }] }).missing[0]?.seen).toBe(2);
});

test('a missing report is qualified when records were lost', () => {
  const lost = { count: 12, exact: true };
  const [message] = evaluateReports([], { expect: [{ kind: 'oom' }], lost }).messages;
  expect(message).toContain('12 kernel log records were lost');
});

test('the grade that fails is the caller’s choice', () => {
  expect(evaluateReports(reportsOf('oom')).ok).toBe(false);
  expect(evaluateReports(reportsOf('oom'), { failAt: 'error' })).toMatchObject({ ok: true, unexpected: [] });
  expect(evaluateReports(reportsOf('warn'), { failAt: 'fatal' }).ok).toBe(true);
  expect(evaluateReports(reportsOf('bug'), { failAt: 'fatal' }).ok).toBe(false);
});

test('a new taint fails, unless a report of the window accounts for it', () => {
  const warned = taintReports(0x3000n, 0x3200n);
  expect(warned.map(({ title }) => title)).toEqual(['new taint W (bit 9): a warning was issued (WARN)']);
  expect(evaluateReports(warned).ok).toBe(false);
  expect(evaluateReports([...reportsOf('warn'), ...warned], { expect: [{ kind: 'warning' }] }).ok).toBe(true);
  // The WARN does not account for an oops.
  const died = taintReports(0x200n, 0x280n);
  expect(evaluateReports([...reportsOf('warn'), ...died], { expect: [{ kind: 'warning' }] }).ok).toBe(false);
});

test('the log’s line about a taint and the flag itself are one fault', () => {
  const [line] = reportsOf('oops-null');
  const verdict = evaluateReports([...(line ? [line] : []), ...taintReports(0n, 0x1000n)]);
  expect(verdict.unexpected).toHaveLength(1);
});

test('what a module of the project taints is no fault, and the same of another module is one', () => {
  const loaded = (module: string): KernelReport[] => [
    ...detectReports([
      { text: `${module}: loading out-of-tree module taints kernel.` },
      {
        text: `${module}: module verification failed: signature and/or required key missing - tainting kernel`,
      },
    ]),
    ...taintReports(0n, 0x3000n),
  ];
  for (const own of ['verify_pte', 'poke_pte', 'kernel_reports'])
    expect(evaluateReports(loaded(own)).messages, own).toEqual([]);
  expect(evaluateReports(loaded('verify_pte_too')).unexpected).toHaveLength(2);
});

test('a taint mask as letters', () => {
  expect(
    decodeTaint(0x3200n)
      .map(({ letter }) => letter)
      .join(''),
  ).toBe('WOE');
  expect(decodeTaint(0n)).toEqual([]);
  expect(decodeTaint(1n << 40n)).toEqual([{ bit: 40, letter: '?', meaning: 'unknown flag, bit 40' }]);
});

function report(grade: Grade, title: string): Finding {
  const base = {
    kind: 'bug',
    index: 0,
    where: undefined,
    time: 1,
    text: title,
    complete: true,
    truncated: false,
    taints: [],
  } as const;
  return { kind: 'kernel-report', report: { ...base, grade, title } };
}

const lost: Finding = { kind: 'connection-lost', message: 'ssh: connection lost' };
const timeout: Finding = { kind: 'timeout', message: 'timed out' };
const exit: Finding = { kind: 'process-exit', message: 'QEMU was killed by SIGKILL' };
const assertion: Finding = { kind: 'assertion', message: 'PTE has bit 2 set' };

test('an oops beats a lost connection, whichever was noticed first', () => {
  const oops = report('fatal', 'NULL pointer dereference in f');
  for (const findings of [
    [lost, oops],
    [oops, lost],
  ]) {
    const cause = chooseCause(findings);
    expect(cause?.message).toBe('Guest kernel: NULL pointer dereference in f');
    expect(cause?.others).toEqual([lost]);
  }
});

test('what can bring the others about goes first', () => {
  const order = [
    report('fatal', 'oops'),
    exit,
    report('error', 'warn'),
    assertion,
    report('warning', 'oom'),
    lost,
    timeout,
    report('info', 'note'),
  ];
  for (let first = 0; first < order.length; first++) {
    const findings = order.slice(first).reverse();
    expect(chooseCause(findings)?.cause).toBe(order[first]);
  }
});

test('of two equal findings the earlier is the cause: an oops, not the panic that it led to', () => {
  const [oops, panic] = reportsOf('panic-after-oops').map((found): Finding => ({
    kind: 'kernel-report',
    report: found,
  }));
  expect(oops && panic ? chooseCause([lost, oops, panic])?.cause : undefined).toBe(oops);
  expect(chooseCause([])).toBeUndefined();
});
