import { expect, test } from '@playwright/test';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  GuestCommandError,
  GuestFileError,
  GuestOutputLimitError,
  GuestTimeoutError,
  GuestUnreachableError,
  IdentityFileError,
} from '../../../lib/guest/ssh/index.js';
import { InfrastructureError } from '../../../lib/errors.js';
import { FakeGuest, isAlive } from './fake-ssh.js';

test('a command gets its arguments and stdin, and its outputs and exit code come back', async () => {
  await using guest = await FakeGuest.start();
  const script = 'printf "%s|" "$@"; cat; echo err >&2; exit 3';
  const result = await guest.shell.run(['sh', '-c', script, 'sh', 'a b', "it's", '$x\n', 'ü'], {
    stdin: 'in',
  });
  expect(result).toEqual({ exitCode: 3, stdout: "a b|it's|$x\n|ü|in", stderr: 'err\n' });
});

test('bytes pass unchanged both ways', async () => {
  await using guest = await FakeGuest.start();
  const bytes = randomBytes(300_000);
  const { stdout } = await guest.shell.run(['cat'], { stdin: bytes, binary: true });
  expect(stdout.equals(bytes)).toBe(true);
});

test('noise of start-up files is not taken for output', async () => {
  await using guest = await FakeGuest.start({ behave: '[ $role = master ] || { echo welcome; }' });
  expect(await guest.shell.succeed(['echo', 'x'])).toBe('x\n');
});

test("an exit code 255 of the command is told from ssh's own", async () => {
  await using guest = await FakeGuest.start();
  expect(await guest.shell.run(['sh', '-c', 'exit 255'])).toMatchObject({ exitCode: 255, stderr: '' });
  const lost = guest.shell.run(['sh', '-c', 'echo last words >&2; kill -9 $PPID']);
  await expect(lost).rejects.toThrow(GuestUnreachableError);
});

test('succeed and fail judge the exit code, and name command, code and last output', async () => {
  await using guest = await FakeGuest.start();
  const wrong = guest.shell.succeed(['sh', '-c', 'echo out; echo err >&2; exit 7']);
  await expect(wrong).rejects.toThrow(
    /L1: guest command: sh -c .*exit code 7, but exit code 0 was expected[^]*out[^]*err/,
  );
  await expect(wrong).rejects.toMatchObject({ name: 'GuestCommandError', exitCode: 7 });
  await expect(wrong).rejects.not.toBeInstanceOf(InfrastructureError);
  expect((await guest.shell.fail(['false'])).exitCode).toBe(1);
  await expect(guest.shell.fail(['true'])).rejects.toThrow(GuestCommandError);
  expect((await guest.shell.shell('echo "$1$2"', {}, 'a b', 'c')).stdout).toBe('a bc\n');
});

test('a timeout ends the processes in the guest', async () => {
  await using guest = await FakeGuest.start();
  const run = guest.shell.shell('setsid sleep 300 & echo $!; sleep 301 & echo $!; wait', { timeoutMs: 500 });
  const error = await run.catch((reason: unknown) => reason as GuestTimeoutError);
  expect(error).toBeInstanceOf(GuestTimeoutError);
  const { message } = error as GuestTimeoutError;
  expect(message).toContain('did not end within 500 ms. Its processes in the guest were ended.');
  const pids = /last of stdout:\n(\d+)\n(\d+)/.exec(message)?.slice(1).map(Number) ?? [];
  expect(pids).toHaveLength(2);
  await expect.poll(() => pids.filter(isAlive)).toEqual([]);
});

test('an output cap ends the process, for both outputs; an output of just that size fits', async () => {
  await using guest = await FakeGuest.start();
  const stdout = guest.shell.run(['yes'], { maxOutputBytes: 1000 });
  await expect(stdout).rejects.toThrow(GuestOutputLimitError);
  await expect(stdout).rejects.toThrow(
    /more than 1000 bytes to stdout. Its processes in the guest were ended/,
  );
  await expect(guest.shell.shell('yes >&2', { maxOutputBytes: 1000 })).rejects.toThrow(
    /1000 bytes to stderr/,
  );
  const fits = await guest.shell.run(['head', '-c', '1000', '/dev/zero'], { maxOutputBytes: 1000 });
  expect(fits.stdout).toHaveLength(1000);
});

test('waitUntilSucceeds tries until it does, or says how the last attempt went', async () => {
  await using guest = await FakeGuest.start();
  const flag = join(guest.folder, 'flag');
  const wait = guest.shell.waitUntilSucceeds(['cat', flag], { deadlineMs: 20_000 });
  await guest.shell.run(['cat', flag]);
  await writeFile(flag, 'there');
  expect(await wait).toBe('there');
  const never = guest.shell.waitUntilSucceeds(['sh', '-c', 'echo why; exit 4'], { deadlineMs: 300 });
  await expect(never).rejects.toThrow(/did not succeed within 300 ms. The last attempt: exit code 4[^]*why/);
  const hangs = guest.shell.waitUntilSucceeds(['sleep', '300'], { deadlineMs: 300 });
  await expect(hangs).rejects.toThrow(/within 300 ms. The last attempt: none came to its end/);
});

test('commands that follow each other share a connection, commands at the same time do not', async () => {
  await using guest = await FakeGuest.start();
  for (let count = 0; count < 3; count++) await guest.shell.succeed(['true']);
  expect(await guest.calls('master')).toHaveLength(1);
  await Promise.all([guest.shell.succeed(['sleep', '0.3']), guest.shell.succeed(['sleep', '0.3'])]);
  expect(await guest.calls('master')).toHaveLength(2);
});

test("every ssh carries the caller's environment, and nothing of the user's", async () => {
  await using guest = await FakeGuest.start();
  await guest.shell.succeed(['true']);
  const calls = [...(await guest.calls('master')), ...(await guest.calls('session'))];
  expect(calls.map(({ rest }) => rest)).toEqual([`${guest.owner} `, `${guest.owner} `]);
});

test('a channel that is closed before the command started is opened again, and the command runs once', async () => {
  const behave = '[ $role = master ] || [ -e "$folder/once" ] || { : > "$folder/once"; exit 255; }';
  await using guest = await FakeGuest.start({ behave });
  const log = join(guest.folder, 'log');
  expect((await guest.shell.shell('echo ran >> "$1"; cat "$1"', {}, log)).stdout).toBe('ran\n');
  expect(await guest.calls('session')).toHaveLength(2);
});

test('a channel that is always closed ends in an error after a few attempts', async () => {
  await using guest = await FakeGuest.start({ behave: '[ $role = master ] || { echo why >&2; exit 255; }' });
  await expect(guest.shell.run(['true'])).rejects.toMatchObject({
    reason: 'connection lost',
    seen: 'ssh: exit code 255; why',
  });
  expect(await guest.calls('session')).toHaveLength(5);
});

test('what the client or the login shell says is in the error', async () => {
  const denied = 'echo "root@127.0.0.1: Permission denied (publickey)." >&2; exit 255';
  await using first = await FakeGuest.start({ behave: denied });
  await expect(first.shell.run(['true'])).rejects.toMatchObject({
    name: 'GuestUnreachableError',
    reason: 'permission denied',
  });
  await using second = await FakeGuest.start({
    behave: '[ $role = master ] || { echo not available; exit 1; }',
  });
  await expect(second.shell.run(['true'])).rejects.toMatchObject({ reason: 'no shell' });
  await using third = await FakeGuest.start({ environment: { PATH: '/nonexistent' } });
  await expect(third.shell.run(['true'])).rejects.toMatchObject({ reason: 'client failed' });
});

test('a login, or a shell, that does not come is given up in time', async () => {
  await using silent = await FakeGuest.start({ behave: 'exec sleep 300', connectTimeoutMs: 300 });
  await expect(silent.shell.run(['true'])).rejects.toThrow(/no answer in time. Seen: no login within \d+ ms/);
  const behave = '[ $role = master ] || exec sleep 300';
  await using stuck = await FakeGuest.start({ behave, connectTimeoutMs: 500 });
  await expect(stuck.shell.run(['true'])).rejects.toThrow(/no answer in time. Seen: no shell within 500 ms/);
  for (const guest of [silent, stuck]) {
    const pids = [...(await guest.calls('master')), ...(await guest.calls('session'))].map(({ pid }) => pid);
    await expect.poll(() => pids.filter(isAlive)).toEqual([]);
  }
});

test('the end of a connection rejects its command, and the next command makes a new one', async () => {
  const behave =
    '[ $role = master ] || [ -e "$folder/lost" ] || { : > "$folder/lost"; printf "%s" "$(echo "$*" | grep -o "ready-%s. [0-9a-f]*" | sed "s/%s. //")"; read -r go; exit 255; }';
  await using guest = await FakeGuest.start({ behave });
  await expect(guest.shell.run(['true'])).rejects.toMatchObject({ reason: 'connection lost' });
  expect(await guest.shell.succeed(['echo', 'back'])).toBe('back\n');
  expect(await guest.calls('master')).toHaveLength(2);
});

test('when the guest is gone all that is pending is rejected with the reason', async () => {
  const gone = new AbortController();
  await using guest = await FakeGuest.start({ signal: gone.signal });
  const started = join(guest.folder, 'started');
  const run = guest.shell.shell('echo > "$1"; exec sleep 300', { timeoutMs: 600_000 }, started);
  const spawned = await guest.shell.spawn(['sleep', '300']);
  const line = spawned.readLine({ timeoutMs: 60_000 });
  await expect.poll(() => existsSync(started)).toBe(true);
  const ended = [run, line, spawned.exited].map((pending) => expect(pending).rejects.toThrow('QEMU died'));
  gone.abort(new InfrastructureError('QEMU died'));
  await Promise.all(ended);
  await expect(guest.shell.run(['true'])).rejects.toThrow('QEMU died');
});

test('reset ends the old connection and makes a new one', async () => {
  await using guest = await FakeGuest.start();
  await guest.shell.succeed(['true']);
  const [before] = await guest.calls('master');
  await guest.shell.reset();
  expect(isAlive(before?.pid ?? 0)).toBe(false);
  expect(await guest.calls('master')).toHaveLength(2);
  expect(await guest.shell.succeed(['echo', 'new'])).toBe('new\n');
});

test('close leaves no process and no folder, and rejects later calls', async () => {
  await using guest = await FakeGuest.start();
  await guest.shell.succeed(['true']);
  await guest.shell.close();
  const pids = [...(await guest.calls('master')), ...(await guest.calls('session'))].map(({ pid }) => pid);
  expect(pids.filter(isAlive)).toEqual([]);
  expect((await readdir(guest.folder)).filter((name) => name.startsWith('ssh-'))).toEqual([]);
  await expect(guest.shell.run(['true'])).rejects.toThrow('L1: its guest shell was closed');
});

test('a file is brought in whole, with its mode, and fetched again', async () => {
  await using guest = await FakeGuest.start();
  const content = randomBytes(200_000);
  const path = join(guest.folder, "up 'ü");
  await guest.shell.upload(content, path, { mode: 0o750 });
  expect((await stat(path)).mode & 0o777).toBe(0o750);
  expect((await guest.shell.download(path)).equals(content)).toBe(true);
  await chmod(path, 0o701);
  await guest.shell.upload(path, `${path}2`);
  expect((await stat(`${path}2`)).mode & 0o777).toBe(0o701);
  await guest.shell.upload(Buffer.alloc(0), path);
  expect(await guest.shell.download(path)).toHaveLength(0);
  expect((await guest.shell.download('/proc/version')).toString()).toContain('Linux');
});

test('a file that cannot be brought in or fetched is named with the reason, and leaves nothing', async () => {
  await using guest = await FakeGuest.start();
  const folder = join(guest.folder, 'folder');
  await mkdir(folder);
  const fifo = join(guest.folder, 'fifo');
  await guest.shell.succeed(['mkfifo', fifo]);
  const failures = [
    [() => guest.shell.upload(Buffer.from('x'), join(folder, 'no/x')), 'no such file'],
    [() => guest.shell.upload(Buffer.from('x'), folder), 'is a folder'],
    [() => guest.shell.upload(Buffer.from('x'), fifo), 'failed'],
    [() => guest.shell.upload(Buffer.from('x'), '/sys/kernel/x'), 'permission denied'],
    [() => guest.shell.download(join(folder, 'no')), 'no such file'],
    [() => guest.shell.download(folder), 'is a folder'],
  ] as const;
  for (const [call, failure] of failures) {
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(GuestFileError);
    expect(error).toMatchObject({ failure });
  }
  expect((await stat(fifo)).isFIFO()).toBe(true);
  expect(await readdir(folder)).toEqual([]);
  await expect(guest.shell.download('/dev/zero', { maxBytes: 1000 })).rejects.toThrow(
    /download of \/dev\/zero: wrote more than 1000/,
  );
  await expect(guest.shell.download('relative')).rejects.toThrow(RangeError);
});

test('a full disk and a short upload are told apart', async () => {
  await using full = await FakeGuest.start({ behave: 'PATH="$folder/tools:$PATH"' });
  const tools = join(full.folder, 'tools');
  await mkdir(tools);
  await writeFile(join(tools, 'cat'), '#!/bin/sh\nexec /bin/cat > /dev/full\n', { mode: 0o755 });
  const target = join(full.folder, 'target');
  await writeFile(target, 'old');
  await expect(full.shell.upload(Buffer.from('new'), target)).rejects.toMatchObject({ failure: 'no space' });
  await writeFile(join(tools, 'cat'), '#!/bin/sh\nexec head -c 2\n', { mode: 0o755 });
  await expect(full.shell.upload(Buffer.from('new'), target)).rejects.toMatchObject({
    failure: 'incomplete',
    message: expect.stringContaining('2 of 3 bytes'),
  });
  await writeFile(join(tools, 'cat'), '#!/bin/sh\nexec head -c 2 "$@"\n', { mode: 0o755 });
  await expect(full.shell.download(target)).rejects.toMatchObject({ failure: 'incomplete' });
  expect((await readdir(full.folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('a private key is checked before it is used', async () => {
  await using guest = await FakeGuest.start();
  const key = join(guest.folder, 'key');
  const withKey = (identityFile: string): Promise<FakeGuest> => FakeGuest.start({ identityFile });
  await expect(withKey(join(guest.folder, 'none'))).rejects.toThrow(/none is not there/);
  await expect(withKey(guest.folder)).rejects.toThrow(/is not a file/);
  for (const mode of [0o640, 0o604]) {
    await chmod(key, mode);
    await expect(withKey(key)).rejects.toThrow(IdentityFileError);
    await expect(withKey(key)).rejects.toThrow(new RegExp(`mode 0${mode.toString(8)}; .*chmod 600`));
  }
});
