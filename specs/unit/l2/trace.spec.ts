import { writeFile } from 'node:fs/promises';

import { expect, test } from '@playwright/test';
import { execa } from 'execa';

import type { CommandShell } from '../../../lib/guest/command-shell.js';
import { parseTrace } from '../../../lib/guest/trace/events.js';
import { readTrace } from '../../../lib/guest/trace/read-trace.js';

test('events of the kernel’s trace, with the stack of the one that has it', () => {
  const text = [
    '# tracer: nop',
    '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
    '         l2-host-131     [001] ...1.    19.750792: make: (make_mmio_spte+0x0/0xa0 [kvm]) gfn=0xb0 access=0x7',
    '         l2-host-131     [001] ...1.    19.768469: <stack trace>',
    ' => 0xffffffffc02070c8',
    ' => make_mmio_spte',
    ' => kvm_tdp_mmu_map',
    '   a name-with 2-1312    [000] d..1.    19.768740: mark_mmio_spte: sptep:00000000b78facb0 gfn b0 access 7 gen 2',
    '',
  ].join('\n');
  expect(parseTrace(text)).toEqual([
    {
      name: 'make',
      text: '(make_mmio_spte+0x0/0xa0 [kvm]) gfn=0xb0 access=0x7',
      stack: ['0xffffffffc02070c8', 'make_mmio_spte', 'kvm_tdp_mmu_map'],
    },
    { name: 'mark_mmio_spte', text: 'sptep:00000000b78facb0 gfn b0 access 7 gen 2', stack: [] },
  ]);
  expect(parseTrace('# no event\n')).toEqual([]);
});

test.describe('a trace comes packed', () => {
  const text = '# tracer: nop\n'.repeat(100);

  test('and is what it was', async ({}, testInfo) => {
    await writeFile(testInfo.outputPath('trace'), text);
    expect(await readTrace(shellOfThisHost(), testInfo.outputDir)).toBe(text);
  });

  test('and of a guest that cannot pack it this is said', async ({}, testInfo) => {
    await writeFile(testInfo.outputPath('trace'), text);
    const noPrograms = shellOfThisHost({ PATH: '/nowhere' });
    await expect(readTrace(noPrograms, testInfo.outputDir)).rejects.toThrow(
      /"gzip -c \| base64", which gave ""/,
    );
  });
});

function shellOfThisHost(env: Readonly<Record<string, string>> = {}): CommandShell {
  const run = async ([program = '', ...options]: readonly string[]) => {
    const {
      exitCode = -1,
      stdout,
      stderr,
    } = await execa(program === 'sh' ? '/bin/sh' : program, options, { env, reject: false });
    return { exitCode, stdout, stderr };
  };
  return { run, succeed: async (argv) => (await run(argv)).stdout };
}
