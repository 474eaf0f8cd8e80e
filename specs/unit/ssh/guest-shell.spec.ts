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
  type GuestShellOptions,
  type GuestUnreachableError,
  IdentityFileError,
} from '../../../lib/guest/ssh/index.js';
import { InfrastructureError } from '../../../lib/errors.js';
import { FakeGuest, isAlive, newKey } from './fake-guest.js';
import { closedPort, FakeServer } from './fake-servers.js';

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
  await using guest = await FakeGuest.start({ profile: 'echo welcome; echo motd >&2' });
  expect(await guest.shell.run(['echo', 'x'])).toEqual({ exitCode: 0, stdout: 'x\n', stderr: 'motd\n' });
});

test('every exit code comes back, and a signal as 128 + n', async () => {
  await using guest = await FakeGuest.start();
  for (const exitCode of [1, 127, 254, 255]) {
    expect(await guest.shell.run(['sh', '-c', `exit ${exitCode}`])).toMatchObject({ exitCode, stderr: '' });
  }
  expect(await guest.shell.run(['sh', '-c', 'kill -BUS $$'])).toMatchObject({ exitCode: 128 + 7 });
  const shellDied = await guest.shell.run(['sh', '-c', 'echo last words >&2; kill -9 $PPID']);
  expect(shellDied).toMatchObject({ exitCode: 128 + 9, stderr: 'last words\n' });
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
  expect(guest.connections).toEqual({ made: 1, open: 1 });
  await Promise.all([guest.shell.succeed(['sleep', '0.3']), guest.shell.succeed(['sleep', '0.3'])]);
  expect(guest.connections).toEqual({ made: 2, open: 2 });
});

for (const fate of ['refuse', 'close', 'drop connection'] as const) {
  test(`a command whose channel ends (${fate}) before it started is started again, and runs once`, async () => {
    // It would say that it is there, which counts as started, if the profile did not write something first.
    const profile = '[ -e "$folder/once" ] || { : > "$folder/once"; echo noise; sleep 300; }';
    await using guest = await FakeGuest.start({
      ...(fate === 'drop connection' ? { profile } : {}),
      onCommand: (count) => (count === 1 ? fate : 'run'),
    });
    const log = join(guest.folder, 'log');
    expect((await guest.shell.shell('echo ran >> "$1"; cat "$1"', {}, log)).stdout).toBe('ran\n');
    expect(guest.commands).toBe(2);
    expect(guest.connections.made).toBe(2);
  });
}

test('a channel that is always closed ends in an error after a few attempts', async () => {
  await using guest = await FakeGuest.start({ onCommand: () => 'close' });
  await expect(guest.shell.run(['true'])).rejects.toMatchObject({
    reason: 'connection lost',
    seen: expect.stringMatching(/^ssh: closed without an exit code.*why$/),
  });
  expect(guest.commands).toBe(5);
});

test('what the server or the login shell says is in the error', async () => {
  await using first = await FakeGuest.start({ login: 'denied' });
  await expect(first.shell.run(['true'])).rejects.toMatchObject({
    name: 'GuestUnreachableError',
    reason: 'permission denied',
    seen: 'ssh: All configured authentication methods failed',
  });
  await using second = await FakeGuest.start({ profile: 'echo not available >&2; exit 1' });
  await expect(second.shell.run(['true'])).rejects.toMatchObject({
    reason: 'no shell',
    seen: 'ssh: exit code 1; not available',
  });
  await using third = await FakeGuest.start({ port: await closedPort() });
  await expect(third.shell.run(['true'])).rejects.toMatchObject({ reason: 'connection refused' });
});

test('what answers without being the ssh server that it should be is told apart', async () => {
  const reasonOf = async (options: Partial<GuestShellOptions>): Promise<unknown> => {
    await using guest = await FakeGuest.start(options);
    return await guest.shell.run(['true']).then(
      () => 'reached',
      (error: unknown) => (error as GuestUnreachableError).reason,
    );
  };
  await using other = await FakeServer.start((socket) => socket.write('SSH-1.5-of 1995\r\n'));
  expect(await reasonOf({ port: other.port })).toBe('not an ssh server');
  await using closing = await FakeServer.start((socket) => socket.end());
  expect(await reasonOf({ port: closing.port })).toBe('closed without a banner');
  await using resetting = await FakeServer.start((socket) => socket.resetAndDestroy());
  expect(await reasonOf({ port: resetting.port })).toBe('closed without a banner');
});

test('a host key is checked if it is known, and only then', async () => {
  await using unknown = await FakeGuest.start();
  expect(await unknown.shell.succeed(['echo', 'x'])).toBe('x\n');
  const { public: another } = newKey();
  const knownHostsFile = join(unknown.folder, 'known_hosts');
  await writeFile(knownHostsFile, `other-host ${another}\n`);
  await expect(FakeGuest.start({ knownHostsFile })).rejects.toThrow(/has no line for opentdx-guest/);
  await writeFile(knownHostsFile, `opentdx-guest ${another}\n`);
  await using wrong = await FakeGuest.start({ knownHostsFile });
  await expect(wrong.shell.run(['true'])).rejects.toMatchObject({ reason: 'host key mismatch' });
  const presented = unknown.hostKey;
  await writeFile(knownHostsFile, `opentdx-guest ${another}\nopentdx-guest ${presented}\n`);
  await using right = await FakeGuest.start({ knownHostsFile, port: unknown.port });
  expect(await right.shell.succeed(['echo', 'x'])).toBe('x\n');
});

test('a login, or a shell, that does not come is given up in time', async () => {
  await using silent = await FakeGuest.start({ login: 'never answered', connectTimeoutMs: 300 });
  await expect(silent.shell.run(['true'])).rejects.toThrow(/no answer in time. Seen: no login within \d+ ms/);
  await using stuck = await FakeGuest.start({ profile: 'exec sleep 300', connectTimeoutMs: 500 });
  await expect(stuck.shell.run(['true'])).rejects.toThrow(/no answer in time. Seen: no shell within 500 ms/);
  for (const guest of [silent, stuck]) await expect.poll(() => guest.connections.open).toBe(0);
});

test('the end of a connection rejects its command, and the next command makes a new one', async () => {
  await using guest = await FakeGuest.start({
    onCommand: (count) => (count === 1 ? 'drop connection' : 'run'),
  });
  await expect(guest.shell.run(['sleep', '300'])).rejects.toMatchObject({ reason: 'connection lost' });
  expect(await guest.shell.succeed(['echo', 'back'])).toBe('back\n');
  expect(guest.connections.made).toBe(2);
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
  await guest.shell.reset();
  expect(guest.connections.made).toBe(2);
  await expect.poll(() => guest.connections.open).toBe(1);
  expect(await guest.shell.succeed(['echo', 'new'])).toBe('new\n');
});

test('reset and close end a login that is going on, too', async () => {
  await using guest = await FakeGuest.start({ login: 'never answered' });
  const waiting = expect(guest.shell.run(['true'])).rejects.toMatchObject({ reason: 'connection lost' });
  await expect.poll(() => guest.connections.open).toBe(1);
  const again = expect(guest.shell.reset()).rejects.toThrow(
    'L1: its guest shell was closed. When a test ends, this is closed: is an `await` missing',
  );
  await waiting;
  await expect.poll(() => guest.connections).toEqual({ made: 2, open: 1 });
  await guest.shell.close();
  await again;
  await expect.poll(() => guest.connections.open).toBe(0);
});

test('close leaves no connection, and rejects later calls', async () => {
  await using guest = await FakeGuest.start();
  await Promise.all([guest.shell.succeed(['true']), guest.shell.succeed(['true'])]);
  await guest.shell.close();
  await expect.poll(() => guest.connections).toEqual({ made: 2, open: 0 });
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
    // Not /sys: a container has it read-only.
    [() => guest.shell.upload(Buffer.from('x'), '/dev/pts/x'), 'permission denied'],
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
  await using full = await FakeGuest.start({ profile: 'PATH="$folder/tools:$PATH"' });
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
  for (const content of ['no key', newKey().public, newKey('secret').private]) {
    const file = join(guest.folder, 'bad');
    await writeFile(file, content, { mode: 0o600 });
    await expect(withKey(file)).rejects.toThrow(/cannot be used: .*A private key without a passphrase/);
  }
});
