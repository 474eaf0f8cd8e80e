import { expect, test } from '@playwright/test';
import {
  GuestOutputLimitError,
  GuestProcessEndedError,
  GuestTimeoutError,
} from '../../../lib/guest/ssh/index.js';
import { FakeGuest } from './fake-guest.js';

const PATIENT = { timeoutMs: 20_000 };

test('lines go both ways until stdin is closed', async () => {
  await using guest = await FakeGuest.start();
  const echo = await guest.shell.spawn([
    'sh',
    '-c',
    'while read -r l; do echo "got $l"; done; echo bye >&2; exit 5',
  ]);
  for (const word of ['a', '{"b":"ü"}', '']) {
    await echo.writeLine(word);
    expect(await echo.readLine(PATIENT)).toBe(`got ${word}`);
  }
  await expect(echo.writeLine('two\nlines')).rejects.toThrow(RangeError);
  echo.closeStdin();
  const read = echo.readLine(PATIENT);
  await expect(read).rejects.toThrow(GuestProcessEndedError);
  await expect(read).rejects.toThrow(/it closed its stdout \(exit code 5\). Last of stderr: bye/);
  expect(await echo.exited).toEqual({ exitCode: 5, stderr: 'bye\n' });
  await expect(echo.writeLine('x')).rejects.toThrow(/its stdin is closed \(exit code 5\)/);
});

test('the end of the process rejects a read that is pending', async () => {
  await using guest = await FakeGuest.start();
  const dies = await guest.shell.spawn(['sh', '-c', 'read -r l; kill -9 $$']);
  const read = expect(dies.readLine(PATIENT)).rejects.toThrow(/exit code 137/);
  await dies.writeLine('go');
  await read;
});

test('a line that comes after its deadline is what the next read gets', async () => {
  await using guest = await FakeGuest.start();
  const late = await guest.shell.spawn(['sh', '-c', 'while read -r l; do echo "$l"; done']);
  await expect(late.readLine({ timeoutMs: 50 })).rejects.toThrow(GuestTimeoutError);
  await expect(late.readLine({ timeoutMs: 50 })).rejects.toThrow(/no line within 50 ms/);
  await late.writeLine('one');
  await late.writeLine('two');
  expect([await late.readLine(PATIENT), await late.readLine(PATIENT)]).toEqual(['one', 'two']);
});

test('all lines can be iterated, without newline at the end too', async () => {
  await using guest = await FakeGuest.start();
  const process = await guest.shell.spawn(['sh', '-c', 'seq 1 20000; printf last']);
  const lines: string[] = [];
  for await (const line of process) lines.push(line);
  expect([lines.length, lines[0], lines[19_999], lines[20_000]]).toEqual([20_001, '1', '20000', 'last']);
});

test('what was written at once is there for a reader that comes late', async () => {
  await using guest = await FakeGuest.start();
  const quick = await guest.shell.spawn(['echo', 'kept']);
  await guest.shell.succeed(['sleep', '0.2']);
  expect(await quick.readLine(PATIENT)).toBe('kept');
});

test('a line that is too long ends the process', async () => {
  await using guest = await FakeGuest.start();
  const flood = await guest.shell.spawn(['sh', '-c', 'echo ok; exec cat /dev/zero'], { maxLineBytes: 1000 });
  expect(await flood.readLine(PATIENT)).toBe('ok');
  const read = flood.readLine(PATIENT);
  await expect(read).rejects.toThrow(GuestOutputLimitError);
  await expect(read).rejects.toThrow(/a line of more than 1000 bytes. Its processes in the guest were ended/);
  expect((await flood.exited).exitCode).toBe(137);
});

test('a process whose lines nobody reads can be killed, and is gone', async () => {
  await using guest = await FakeGuest.start();
  const flood = await guest.shell.spawn(['yes']);
  expect(await flood.kill()).toMatchObject({ gone: true });
  expect((await flood.exited).exitCode).toBe(137);
  await expect(flood.readLine(PATIENT).then(() => flood.readLine(PATIENT))).rejects.toThrow(
    GuestProcessEndedError,
  );
});

test('only the end of stderr is kept', async () => {
  await using guest = await FakeGuest.start();
  const noisy = await guest.shell.spawn([
    'sh',
    '-c',
    'head -c 200000 /dev/zero | tr "\\0" a >&2; printf end >&2',
  ]);
  const { stderr } = await noisy.exited;
  expect(stderr).toHaveLength(65_536);
  expect(stderr.endsWith('aend')).toBe(true);
});
