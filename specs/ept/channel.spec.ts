import { randomBytes } from 'node:crypto';

import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/ept.js';
import { GuestPausedError } from '../../lib/guest/serial/index.js';

test('a command runs over the serial line: its output, its errors, its exit code', async ({ guest }) => {
  expect(await guest.shell('echo said; echo complained >&2; exit 7')).toEqual({
    exitCode: 7,
    stdout: 'said\n',
    stderr: 'complained\n',
  });
  expect(await guest.run(['sh', '-c', 'kill -9 $$'])).toMatchObject({ exitCode: 137 });
  expect(await guest.run(['no-such-program'])).toMatchObject({ exitCode: 127 });
});

test('every byte comes through, in both directions', async ({ guest }) => {
  const bytes = randomBytes(3000).toString('latin1');
  const cat = await guest.spawn(['cat']);
  const lines = bytes.split('\n');
  for (const line of lines) await cat.writeLine(line);
  for (const line of lines) expect(await cat.readLine({ timeoutMs: 30_000 })).toBe(line);
  cat.closeStdin();
  expect(await cat.exited).toMatchObject({ exitCode: 0 });
});

test('a guest whose machine the debugger has paused is not waited for', async ({ bochs, guest }) => {
  const cat = await guest.spawn(['cat']);
  await bochs.paused(async () => {
    await expect(guest.run(['true'])).rejects.toThrow(GuestPausedError);
    await expect(cat.writeLine('lost')).rejects.toThrow(/Ask the guest before paused\(\) or after it/);
    await expect(cat.readLine({ timeoutMs: 180_000 })).rejects.toThrow(GuestPausedError);
    await expect(cat.kill()).rejects.toThrow(GuestPausedError);
  });
  await cat.writeLine('comes through');
  // Whoever else has the machine paused meanwhile makes it slower, and is no reason to refuse.
  const [line, result] = await Promise.all([
    cat.readLine({ timeoutMs: 180_000 }),
    guest.run(['true']),
    bochs.registers(),
  ]);
  expect(line).toBe('comes through');
  expect(result).toMatchObject({ exitCode: 0 });
  await cat.kill();
});
