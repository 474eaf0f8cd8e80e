import { randomBytes } from 'node:crypto';

import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/ept.js';

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
