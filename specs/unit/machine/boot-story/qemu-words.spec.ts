import { expect, test } from '@playwright/test';

import { causeIn } from '../../../../lib/machine/boot-story/qemu-words.js';
import { MachineDiedError } from '../../../../lib/machine/errors.js';

test('of a message of several lines, the first says what is wrong', () => {
  const size = [
    "/opt/qemu/build/qemu-system-x86_64: -m 3 GB: Parameter 'size' expects a non-negative number below 2^64",
    'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-',
    'and exabytes, respectively.',
  ];
  expect(causeIn(size)).toBe("-m 3 GB: Parameter 'size' expects a non-negative number below 2^64");
  const warned = ['qemu-system-x86_64: warning: TCG does not support it', ...size];
  expect(causeIn(warned)).toBe("-m 3 GB: Parameter 'size' expects a non-negative number below 2^64");
  const list = [
    'qemu-system-x86_64: unsupported machine type',
    'Use -machine help to list supported machines',
  ];
  expect(causeIn(list)).toBe('unsupported machine type');
});

test('QEMU’s last message counts, and what another program says where QEMU said nothing', () => {
  expect(causeIn(['qemu-system-x86_64: first', 'qemu-system-x86_64: second'])).toBe('second');
  expect(causeIn(['./launch.sh: line 3: no such file', ''])).toBe('./launch.sh: line 3: no such file');
  expect(causeIn(['qemu-system-x86_64: warning: nic e1000.0 has no peer', ''])).toBeUndefined();
});

test('a machine’s end names the program that ended', () => {
  for (const program of ['QEMU', 'Bochs'] as const) {
    const { message } = new MachineDiedError('the machine', program, { exitCode: 1 }, [], '/tmp/console.log');
    expect(message).toContain(`the machine: ${program} died while the test used it`);
    expect(message.includes('QEMU')).toBe(program === 'QEMU');
  }
});
