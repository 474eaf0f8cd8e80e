import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import fc from 'fast-check';

import { expect, test } from '../../fixtures/index.js';
import {
  GuestCommandError,
  GuestFileError,
  GuestOutputLimitError,
  GuestTimeoutError,
} from '../../lib/guest/ssh/index.js';

/** Against the real thing: dropbear and busybox. What does not depend on them is in specs/unit/ssh. */

/** Prints each of its arguments, and a NUL after it, which no argument can hold. */
const printArguments = 'for argument do printf "%s\\0" "$argument"; done';

test('arguments arrive as they were given', async ({ guest }) => {
  const awkward = [
    '',
    ' ',
    'a b',
    "it's",
    '"',
    '$HOME',
    '`id`',
    '\\',
    'a\nb',
    '\n',
    '-n',
    '*',
    '~',
    'ü€𝄞',
    '\t',
    '!',
    '#x',
  ];
  const { stdout } = await guest.run(['sh', '-c', printArguments, 'sh', ...awkward]);
  expect(stdout.split('\0').slice(0, -1)).toEqual(awkward);
});

test('any arguments arrive as they were given', async ({ guest }) => {
  const argument = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'));
  await fc.assert(
    fc.asyncProperty(fc.array(argument, { maxLength: 20 }), async (given) => {
      const { stdout } = await guest.run(['sh', '-c', printArguments, 'sh', ...given]);
      expect(stdout.split('\0').slice(0, -1)).toEqual(given);
    }),
    { numRuns: 25 },
  );
});

test('a command of 100 KB arrives whole', async ({ guest }) => {
  const long = 'x'.repeat(100_000);
  const { stdout } = await guest.run(['sh', '-c', 'printf %s "${#1} ${#2}"', 'sh', long, "'".repeat(1_000)]);
  expect(stdout).toBe('100000 1000');
});

test('bytes pass unchanged both ways', async ({ guest }) => {
  const bytes = Buffer.concat([randomBytes(300_000), Buffer.from([0, 255, 13, 10, 4, 3, 26])]);
  const { stdout } = await guest.run(['cat'], { stdin: bytes, binary: true });
  expect(stdout.equals(bytes)).toBe(true);
});

test('both outputs and the exit code come back, 255 and signals too', async ({ guest }) => {
  expect(await guest.run(['sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({
    exitCode: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect((await guest.run(['sh', '-c', 'exit 255'])).exitCode).toBe(255);
  expect((await guest.run(['sh', '-c', 'kill -SEGV $$'])).exitCode).toBe(128 + 11);
  expect((await guest.run(['no-such-program'])).exitCode).toBe(127);
  await expect(guest.succeed(['false'])).rejects.toThrow(GuestCommandError);
  await expect(guest.fail(['true'])).rejects.toThrow(GuestCommandError);
});

test('after a timeout nothing of the command runs in the guest', async ({ guest }) => {
  const family = 'sleep 71234 & setsid sleep 71234 & (trap "" TERM HUP; sleep 71234) & sleep 71234';
  const error = await guest.shell(family, { timeoutMs: 1_500 }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(GuestTimeoutError);
  expect((error as GuestTimeoutError).message).toContain('Its processes in the guest were ended.');
  expect((await guest.shell('ps | grep "[s]leep 71234"')).stdout).toBe('');
});

test('an output beyond its cap ends the command in the guest', async ({ guest }) => {
  const endless = guest.run(['yes', 'e2e-endless'], { maxOutputBytes: 10_000 });
  await expect(endless).rejects.toThrow(GuestOutputLimitError);
  expect((await guest.shell('ps | grep "[y]es e2e-endless"')).stdout).toBe('');
});

test('files go in and come out whole, with their mode', async ({ guest }, testInfo) => {
  const content = randomBytes(200_000);
  const local = testInfo.outputPath('local file');
  await writeFile(local, content, { mode: 0o750 });
  await guest.upload(local, "/tmp/it's a file");
  expect((await guest.download("/tmp/it's a file")).equals(content)).toBe(true);
  expect((await guest.succeed(['stat', '-c', '%a %s', "/tmp/it's a file"])).trim()).toBe('750 200000');
  await guest.upload(Buffer.alloc(0), '/tmp/empty');
  expect(await guest.download('/tmp/empty')).toHaveLength(0);
  expect((await guest.download('/proc/version')).toString()).toContain('Linux version');
  expect((await readFile(local)).equals(content)).toBe(true);
});

test('a file that cannot be brought in or fetched is named with the reason, and leaves nothing', async ({
  guest,
}) => {
  await guest.shell('mkdir /tmp/small && mount -t tmpfs -o size=64k tmpfs /tmp/small');
  await expect(guest.upload(Buffer.alloc(200_000), '/tmp/small/x')).rejects.toMatchObject({
    failure: 'no space',
  });
  expect(await guest.succeed(['ls', '-A', '/tmp/small'])).toBe('');
  await expect(guest.upload(Buffer.alloc(1), '/tmp/nowhere/x')).rejects.toThrow(GuestFileError);
  await expect(guest.download('/tmp/none')).rejects.toMatchObject({ failure: 'no such file' });
});

test('commands at the same time do not disturb each other', async ({ guest }) => {
  const numbers = Array.from({ length: 8 }, (_, index) => String(index));
  const outputs = await Promise.all(numbers.map((number) => guest.succeed(['echo', number])));
  expect(outputs).toEqual(numbers.map((number) => `${number}\n`));
});

test('commands go on after the connections were dropped', async ({ guest }) => {
  await guest.succeed(['true']);
  await guest.reset();
  expect(await guest.succeed(['echo', 'again'])).toBe('again\n');
  // The server ends what served this connection: the next command makes a new one.
  await guest
    .shell('kill -9 $(ps -o pid,args | grep "[d]ropbear" | awk "NR > 1 { print \\$1 }")')
    .catch(() => undefined);
  expect(await guest.succeed(['echo', 'and again'])).toBe('and again\n');
});

test('a process that is spoken to in lines, and what it started, end when they are killed', async ({
  guest,
}) => {
  const process = await guest.spawn([
    'sh',
    '-c',
    'setsid sleep 81234 & while read -r line; do echo "got $line"; done',
  ]);
  await process.writeLine('one');
  expect(await process.readLine({ timeoutMs: 20_000 })).toBe('got one');
  expect((await process.kill()).gone).toBe(true);
  expect((await guest.shell('ps | grep "[s]leep 81234"')).stdout).toBe('');
});

test('what a test leaves running is found and ended', async ({ guest }) => {
  await guest.shell('setsid sleep 91234 > /dev/null 2>&1 < /dev/null &');
  expect((await guest.shell('ps | grep -c "[s]leep 91234"')).stdout).toBe('1\n');
  expect(await guest.endStrayProcesses()).toMatchObject({ gone: true });
  expect((await guest.shell('ps | grep "[s]leep 91234"')).stdout).toBe('');
});
