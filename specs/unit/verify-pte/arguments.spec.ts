import { expect, test } from '@playwright/test';

import { parseArguments, UsageError } from '../../../scripts/verify-pte/arguments.js';

test('the command line of the older tool, and every option', () => {
  expect(parseArguments(['1334', '0x7f1234567000'])).toEqual({
    endpoint: { port: 1334 },
    address: 0x7f12_3456_7000n,
    choice: { by: 'cpu', cpu: 0 },
    kernelFiles: {},
    json: false,
    svg: undefined,
  });
  expect(
    parseArguments(['1', '7F1234567000', '--cpu', '3', '--json', '--svg', 'a b.svg', '--host', 'far']),
  ).toMatchObject({
    address: 0x7f12_3456_7000n,
    choice: { by: 'cpu', cpu: 3 },
    json: true,
    svg: 'a b.svg',
    endpoint: { port: 1, host: 'far' },
  });
  expect(parseArguments(['--cr3=0x12345801', '65535', '0xffffffff81000000'])).toMatchObject({
    endpoint: { port: 65535 },
    address: 0xffff_ffff_8100_0000n,
    choice: { by: 'cr3', cr3: 0x1234_5801n },
  });
  expect(parseArguments(['1334', '0', '--pid', '42', '--kallsyms', 'k', '--btf', 'b'])).toMatchObject({
    choice: { by: 'process', process: 42 },
    kernelFiles: { kallsyms: 'k', btf: 'b' },
  });
  // A name is what the kernel keeps of it: 15 bytes.
  expect(parseArguments(['1334', '0', '--name', 'a-name-of-twenty-char'])).toMatchObject({
    choice: { by: 'process', process: 'a-name-of-twent' },
  });
  expect(parseArguments(['--unix', '/run/monitor.sock', '0x1000'])).toMatchObject({
    endpoint: { path: '/run/monitor.sock' },
    address: 0x1000n,
  });
  expect(parseArguments(['1334', '0x1000', '--host', '[::1]'])).toMatchObject({
    endpoint: { port: 1334, host: '[::1]' },
  });
  expect(parseArguments(['--help'])).toBe('help');
});

// Canonical with five levels of tables: whether the VM has them is not known yet.
test('an address that only five-level paging translates passes', () => {
  expect(parseArguments(['1334', '0x00ff123456789000'])).toMatchObject({ address: 0x00ff_1234_5678_9000n });
});

for (const [what, argv, message] of [
  ['nothing', [], /Two arguments are needed/],
  ['no address', ['1334'], /Two arguments are needed/],
  ['too many', ['1334', '0x1000', '0x2000'], /Too many arguments: 0x2000/],
  [
    'a port that is none',
    ['monitor', '0x1000'],
    /monitor port must be a number from 1 to 65535, not "monitor"/,
  ],
  ['port 0', ['0', '0x1000'], /from 1 to 65535/],
  ['port 65536', ['65536', '0x1000'], /from 1 to 65535/],
  ['an address that is none', ['1334', '0xzz'], /hexadecimal/],
  ['an empty address', ['1334', ''], /hexadecimal/],
  ['an address of 68 bits', ['1334', '0x11111222223333344'], /64 bits/],
  ['a negative address', ['1334', '--', '-1'], /hexadecimal/],
  [
    'an address that no tables translate',
    ['1334', '0x8000000001234567'],
    /not a canonical virtual address.*digit/,
  ],
  ['a socket and a port', ['--unix', 'm.sock', '1334', '0x1000'], /Too many arguments: 0x1000/],
  ['a socket on another host', ['--unix', 'm.sock', '0x1000', '--host', 'far'], /--unix needs.*no --host/],
  ['a socket and no address', ['--unix', 'm.sock'], /Two arguments are needed.*--unix only the address/],
  ['an option that is none', ['1334', '0x1000', '--color'], /--color/],
  ['an option without its value', ['1334', '0x1000', '--pid'], /--pid/],
  ['two choices', ['1334', '0x1000', '--pid', '1', '--cr3', '0x1000'], /--pid and --cr3 exclude each other/],
  ['PID 0', ['1334', '0x1000', '--pid', '0'], /--pid must be a number from 1/],
  ['an empty name', ['1334', '0x1000', '--name', ''], /--name needs/],
  ['a vCPU that is none', ['1334', '0x1000', '--cpu', 'x'], /--cpu must be a number/],
  ['symbols for nothing', ['1334', '0x1000', '--kallsyms', 'k'], /name it with --pid or --name/],
] as const) {
  test(`${what}: refused in one line`, () => {
    expect(() => parseArguments(argv)).toThrow(UsageError);
    expect(() => parseArguments(argv)).toThrow(message);
    try {
      parseArguments(argv);
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });
}
