import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import fc from 'fast-check';
import { commandLine, quote } from '../../../lib/guest/ssh/quote.js';

const AWKWARD = [
  "it's",
  '$HOME `id` $(id)',
  'new\nline\n',
  '-n',
  '',
  '\\',
  '"',
  '*',
  '~',
  '!',
  '%s',
  'ünïcode 💥',
  '\x01\x7f',
];

/** What means something to a shell. */
const META = Array.from(' \'"\\$`!*?[]{}()<>|&;#~=%\n\t-');

/** What a program sees of its arguments when this shell runs the command line. */
async function argumentsSeen(shell: string, words: readonly string[]): Promise<string[]> {
  const command = commandLine(['printf', '%s\\0', ...words]);
  const { stdout } = await execa(shell, ['-c', command], {
    env: { LC_ALL: 'C.UTF-8' },
    stripFinalNewline: false,
  });
  return stdout.split('\0').slice(0, -1);
}

for (const shell of ['sh', 'bash']) {
  test(`${shell} hands over awkward arguments as they were given`, async () => {
    expect(await argumentsSeen(shell, AWKWARD)).toEqual(AWKWARD);
  });

  test(`${shell} hands over any arguments as they were given`, async () => {
    const word = fc.string({
      unit: fc.oneof(fc.constantFrom(...META), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
    });
    const words = fc.array(
      word.filter((text) => !text.includes('\0')),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(words, async (given) => {
        expect(await argumentsSeen(shell, given)).toEqual(given);
      }),
      { numRuns: 40 },
    );
  });
}

test('what no program can be given is refused', () => {
  expect(() => quote('a\0b')).toThrow(/NUL byte.*"a\\u0000b"/);
  expect(() => quote('\ud800')).toThrow(/half a surrogate pair/);
  expect(() => quote('a'.repeat(131_072))).toThrow(/131072 bytes.*at most 131071/);
  expect(() => quote('ü'.repeat(65_536))).toThrow(/131072 bytes/);
  expect(quote('a'.repeat(131_071))).toHaveLength(131_073);
  expect(() => commandLine([])).toThrow(/needs a program name/);
  expect(() => commandLine([''])).toThrow(/needs a program name/);
});

test('an empty argument stays an argument, and a program name is never an assignment or a keyword', async () => {
  expect(commandLine(['a', ''])).toBe("'a' ''");
  const { exitCode } = await execa('sh', ['-c', commandLine(['x=1', 'true'])], { reject: false });
  expect(exitCode).toBe(127);
});
