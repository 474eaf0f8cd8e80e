import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test as base } from '@playwright/test';
import { dir } from 'tmp-promise';

import { ensureSnapshot, type SnapshotSubject } from '../../../../lib/machine/snapshot/index.js';
import { removeSnapshot, surveySnapshots } from '../../../../lib/machine/snapshot/survey.js';

interface Cache {
  path: string;
  script: string;
  /** Takes a snapshot of a machine with this memory and answers its folder. */
  take: (memory: string) => Promise<string>;
}

const test = base.extend<{ cache: Cache }>({
  cache: async ({}, use) => {
    const cache = await dir({ prefix: 'cache ü, ', unsafeCleanup: true });
    const script = path.join(cache.path, 'launch.sh');
    await writeFile(script, 'one');
    await use({
      path: cache.path,
      script,
      take: async (memory) => {
        const args = ['-m', memory];
        const files = [script, process.execPath];
        const subject: SnapshotSubject = { format: 4, args, environment: {}, files, usesHostCpu: false };
        const { folder } = await ensureSnapshot(
          cache.path,
          subject,
          async ({ ram, state }) => {
            await writeFile(ram, 'ram');
            await writeFile(state, 'state');
          },
          () => undefined,
        );
        return folder;
      },
    });
    await cache.cleanup();
  },
});

test('a snapshot is stale once what it is one of has changed, not before', async ({ cache }) => {
  const folder = await cache.take('1g');
  expect(await surveySnapshots(cache.path)).toEqual([
    { folder, lastUse: expect.any(Date) as Date, stale: undefined, inUse: false },
  ]);
  await writeFile(cache.script, 'two');
  expect(await surveySnapshots(cache.path)).toMatchObject([
    { folder, stale: expect.stringContaining('has changed') as unknown },
  ]);
  expect(await removeSnapshot(folder)).toBe(true);
  expect(await readdir(path.join(cache.path, 'snapshots'))).toEqual([]);
});

test('a snapshot that a machine runs on is in use and stays', async ({ cache }) => {
  const [used, other] = [await cache.take('1g'), await cache.take('2g')];
  // As QEMU has it on its command line: commas doubled.
  const argument = `memory-backend-file,id=ram,mem-path=${`${used}/ram`.replaceAll(',', ',,')},share=off`;
  const machine = spawn('sh', ['-c', 'echo started; read -r _', 'qemu', argument], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(machine.stdout, 'data');
  const found = new Map((await surveySnapshots(cache.path)).map(({ folder, inUse }) => [folder, inUse]));
  expect([found.get(used), found.get(other)]).toEqual([true, false]);
  expect(await removeSnapshot(used)).toBe(false);
  expect(await readdir(used)).toContain('ram');
  machine.stdin.end();
  await once(machine, 'exit');
  expect(await removeSnapshot(used)).toBe(true);
});

test('what was never finished is stale', async ({ cache }) => {
  const folder = `${await cache.take('1g')}.unfinished-AbCdEf`;
  await mkdir(folder);
  const found = (await surveySnapshots(cache.path)).find((one) => one.folder === folder);
  expect(found).toMatchObject({ stale: 'it was never finished', inUse: false });
  expect(await removeSnapshot(folder)).toBe(true);
});
