import { expect, test } from '@playwright/test';
import { writeFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRunFolder, socketPath } from '../../../../lib/machine/ownership/index.js';
import { existing } from '../support/traces.js';

test('a run folder is its owner’s alone, and goes with what is in it', async () => {
  const folder = await createRunFolder({ prefix: 'vm' });
  const other = await createRunFolder({ prefix: 'vm' });
  expect(folder.path).not.toBe(other.path);
  expect(folder.path.startsWith(`${tmpdir()}/opentdx-e2e-`)).toBe(true);
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder.path, '..')).mode & 0o777).toBe(0o700);
  await writeFile(join(folder.path, 'file'), 'text');
  await folder.remove();
  await folder.remove();
  expect(existing([folder.path, other.path])).toEqual([other.path]);
  await other.remove();
});

test('a run folder may lie elsewhere', async () => {
  await using folder = await createRunFolder({ parent: '/dev/shm' });
  expect(folder.path).toMatch(/^\/dev\/shm\/opentdx-e2e-[0-9a-f]{16}\/run-/);
});

test('a socket’s path is at most 107 bytes long', () => {
  expect(socketPath('/tmp/x', 'monitor')).toBe('/tmp/x/monitor');
  expect(Buffer.byteLength(socketPath('/ä', 'x'.repeat(103)))).toBe(107);
  expect(() => socketPath('/ä', 'x'.repeat(104))).toThrow(/107 bytes.*has 108.*TMPDIR/);
});
