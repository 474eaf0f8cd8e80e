import { expect, test } from '@playwright/test';

import type { MachineFacts } from '../../fixtures/evidence/machine-facts.js';
import { missingParts } from '../../lib/bochs/index.js';
import type { SampleResult } from './run-sample.js';
import { sharedSample } from './shared-sample.js';

// Each of its tests has a machine booted for it: two of QEMU's, and three that are interpreted.
const resultOf = sharedSample('twins-', 1_200_000);

test.beforeAll(async () => {
  test.skip((await missingParts()).length > 0, 'Bochs is not installed here');
});

const titles = [
  'an assertion about page tables is false',
  'the kernel oopses, and an assertion after it is false',
];

/**
 * Which program wrote it is part of two names; what a module taints its kernel with differs; and on a busy host a text may stand for a
 * picture.
 */
function neutral(names: readonly string[]): string[] {
  const alike = names.map((name) =>
    name
      .replace(/^(qemu|bochs)-/, 'PROGRAM-')
      .replace(/^(monitor|debugger)\./, 'CONVERSATION.')
      .replace(/^(kernel-report)-\d+/, '$1')
      .replace(/\.\w+$/, ''),
  );
  return [...new Set(alike)].sort();
}

function textOf({ bodies }: SampleResult, name: string): string {
  return bodies.get(name) ?? '';
}

for (const title of titles) {
  test(`${title}: an ept test's report has all that one under QEMU has`, () => {
    const [qemu, bochs] = [resultOf(`QEMU: ${title}`), resultOf(`Bochs: ${title}`)];
    expect(bochs.status).toBe('failed');
    expect(neutral(bochs.attachments)).toEqual(neutral(qemu.attachments));
    // None of them is there only to say why it is not; that a busy host was late is no lack of a machine's.
    for (const [name, body] of [...qemu.bodies, ...bochs.bodies])
      expect(body, name).not.toMatch(/could not be had(?!: (no answer within|the time))/);
    const facts = JSON.parse(textOf(bochs, 'machine.json')) as MachineFacts;
    expect(facts).toMatchObject({ stack: 'ept', memory: '256m', vcpus: 1, start: { how: 'booted' } });
    expect(facts.accelerator).toContain('Bochs interprets');
    expect(facts.stages?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['the kernel', "the guest's agent"]),
    );
    const facts2 = JSON.parse(textOf(qemu, 'machine.json')) as MachineFacts;
    expect(Object.keys(facts2).filter((name) => !(name in facts))).toEqual(['ports']);
    // Where the CPU is, by name, and what the test's window of the kernel's log holds.
    expect(textOf(bochs, 'what-happened.txt')).toMatch(/^vCPU 0: (\w+\+0x|user mode)/m);
    expect(textOf(bochs, 'timeline.json')).toContain('"source":"kernel log"');
    expect(textOf(bochs, 'timeline.json')).toContain('"source":"console"');
  });
}

test('the walk of what an ept test dealt with last is drawn', () => {
  const walk = textOf(resultOf(`Bochs: ${titles[0] ?? ''}`), 'walk.svg');
  expect(walk).toContain('<svg');
  expect(walk).toContain('The instruction that L2 stands at');
});

test('a passing ept test shows the walk that it saw last, as a picture and as values', () => {
  const passed = resultOf('Bochs: a walk of both dimensions leads to a page');
  expect(passed.status, passed.errors.join('\n')).toBe('passed');
  expect(textOf(passed, 'walk.svg')).toMatch(/Walk of 0x1abc in two dimensions[^]*\(ept\)/);
  // L2's own tables, and the way by which EPT leads to its page.
  expect(textOf(passed, 'walk.txt')).toMatch(
    /^ {2}PT .* P W U A [D-] - --\n[^]*^ {2}PT .* P R W X [A-] [D-]\n/m,
  );
});

test('the verdict on a kernel under Bochs goes before the assertion that fails after it', () => {
  for (const program of ['QEMU', 'Bochs']) {
    const { errors } = resultOf(`${program}: ${titles[1] ?? ''}`);
    expect(errors[0]).toMatch(/The kernel reported \(fatal\): NULL pointer dereference at 0x0 in make_oops/);
    expect(errors[0]).toContain('from its kernel log');
    expect(errors[1]).toContain('toBe');
  }
  expect(textOf(resultOf(`Bochs: ${titles[1] ?? ''}`), 'kernel-log-window.txt')).toContain('make_oops');
});
