import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test as base } from '@playwright/test';
import { dir } from 'tmp-promise';

import {
  damageOf,
  discardSnapshot,
  ensureSnapshot,
  type Snapshot,
  type SnapshotFiles,
  type SnapshotSubject,
} from '../../../../lib/machine/snapshot/index.js';

interface Store {
  cache: string;
  /** How often a snapshot was taken. */
  taken: () => number;
  said: string[];
  ensure: (take?: (files: SnapshotFiles) => Promise<void>) => Promise<Snapshot>;
}

const test = base.extend<{ store: Store }>({
  store: async ({}, use) => {
    const cache = await dir({ prefix: 'cache ü, ', unsafeCleanup: true });
    const subject: SnapshotSubject = {
      format: 4,
      args: ['-m', '512m'],
      environment: { E2E_ACCEL: 'tcg' },
      files: [import.meta.filename, process.execPath],
      usesHostCpu: false,
    };
    let taken = 0;
    const said: string[] = [];
    const usual = async ({ ram, state }: SnapshotFiles): Promise<void> => {
      taken += 1;
      await writeFile(ram, Buffer.alloc(100_000, taken));
      await writeFile(state, `state ${taken}`);
    };
    await use({
      cache: cache.path,
      taken: () => taken,
      said,
      ensure: (take = usual) => ensureSnapshot(cache.path, subject, take, (line) => said.push(line)),
    });
    await cache.cleanup();
  },
});

test('a snapshot is taken once and found again', async ({ store }) => {
  const first = await store.ensure();
  const second = await store.ensure();
  expect(second).toEqual(first);
  expect(store.taken()).toBe(1);
  expect(await readFile(first.state, 'utf8')).toBe('state 1');
  expect(store.said).toEqual([]);
});

test('those who need the same one at the same time wait for the one that takes it', async ({ store }) => {
  const all = await Promise.all([1, 2, 3, 4].map(() => store.ensure()));
  expect(new Set(all.map(({ taken }) => taken)).size).toBe(1);
  expect(store.taken()).toBe(1);
});

test('two processes take it once', async ({ store }) => {
  const script = `
    import { appendFile, writeFile } from 'node:fs/promises';
    import { ensureSnapshot } from ${JSON.stringify(new URL('../../../../lib/machine/snapshot/index.ts', import.meta.url).href)};
    const [cache, log] = process.argv.slice(1);
    const files = [log, process.execPath];
    const subject = { format: 4, args: [], environment: {}, files, usesHostCpu: false };
    const { taken } = await ensureSnapshot(cache, subject, async ({ ram, state }) => {
      await writeFile(ram, 'ram');
      await new Promise((resolve) => setTimeout(resolve, 300));
      await writeFile(state, 'state');
    }, console.error);
    console.log(taken);`;
  const log = path.join(store.cache, 'script');
  await writeFile(log, '');
  const run = (): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [
      ...['--import', 'tsx', '--input-type=module', '-e', script],
      ...[store.cache, log],
    ]);
  const outputs = await Promise.all([run(), run(), run()]);
  expect(new Set(outputs.map(({ stdout }) => stdout.trim()))).toEqual(new Set([outputs[0].stdout.trim()]));
  expect(outputs[0].stdout.trim()).not.toBe('');
});

const damages: [what: string, damage: (snapshot: Snapshot) => Promise<void>, words: RegExp][] = [
  [
    'a flipped bit in the state',
    ({ state }) => writeFile(state, 'stbte 1'),
    /content of its file state was changed/,
  ],
  ['a truncated state', ({ state }) => truncate(state, 3), /file state has 3 bytes instead of 7/],
  ['no state', ({ state }) => rm(state), /file state is missing/],
  ['a truncated RAM', ({ ram }) => truncate(ram, 4096), /file ram has 4096 bytes instead of 100000/],
  ['a RAM that grew', ({ ram }) => appendFile(ram, 'x'), /file ram has 100001 bytes/],
  [
    'a RAM that was written to',
    ({ ram }) => writeFile(ram, Buffer.alloc(100_000, 7)),
    /content of its file ram/,
  ],
  [
    'a RAM that was written to and whose time was set back',
    async ({ ram, folder }) => {
      const manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as {
        ram: { mtimeMs: number };
      };
      await writeFile(ram, Buffer.alloc(100_000, 7));
      await utimes(ram, new Date(), manifest.ram.mtimeMs / 1000);
    },
    /content of its file ram/,
  ],
  ['no manifest: half written', ({ folder }) => rm(path.join(folder, 'manifest.json')), /it has no manifest/],
  [
    'a torn manifest',
    ({ folder }) => truncate(path.join(folder, 'manifest.json'), 30),
    /manifest cannot be read/,
  ],
  [
    'an empty manifest',
    ({ folder }) => writeFile(path.join(folder, 'manifest.json'), 'null'),
    /another format/,
  ],
  [
    'the manifest of another machine',
    async ({ folder }) => {
      const file = path.join(folder, 'manifest.json');
      const manifest = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...manifest, identity: '0123456789abcdef' }));
    },
    /of another machine \(0123456789abcdef\)/,
  ],
];
for (const [what, damage, words] of damages) {
  test(`${what} is named, and the snapshot is taken anew`, async ({ store }) => {
    const first = await store.ensure();
    await damage(first);
    const second = await store.ensure();
    expect(store.said).toEqual([expect.stringMatching(words)]);
    expect(store.said[0]).toContain(first.folder);
    expect(store.taken()).toBe(2);
    expect(second.taken).not.toBe(first.taken);
    expect(await readFile(second.state, 'utf8')).toBe('state 2');
    expect(await damageOf(second)).toBeUndefined();
  });
}

test('a snapshot that was only copied or touched stays, and is read to its end once', async ({ store }) => {
  const first = await store.ensure();
  await cp(first.folder, `${first.folder}.copy`, { recursive: true });
  await rm(first.folder, { recursive: true });
  await cp(`${first.folder}.copy`, first.folder, { recursive: true });
  expect((await store.ensure()).taken).toBe(first.taken);
  const manifest = await readFile(path.join(first.folder, 'manifest.json'), 'utf8');
  expect((await store.ensure()).taken).toBe(first.taken);
  expect(await readFile(path.join(first.folder, 'manifest.json'), 'utf8')).toBe(manifest);
  expect(store.taken()).toBe(1);
});

test('a thorough look finds what the times do not tell', async ({ store }) => {
  const snapshot = await store.ensure();
  const file = path.join(snapshot.folder, 'manifest.json');
  const text = await readFile(file, 'utf8');
  // As if the disk had changed a bit behind the file system's back: another digest, the same times.
  const manifest = JSON.parse(text) as { ram: { sha256: string } };
  manifest.ram.sha256 = manifest.ram.sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  await writeFile(file, JSON.stringify(manifest));
  expect((await store.ensure()).taken).toBe(snapshot.taken);
  expect(await damageOf(snapshot)).toMatch(/content of its file ram was changed/);
});

test('a take that fails leaves nothing, and the next one begins anew', async ({ store }) => {
  const failing = store.ensure(async ({ ram }) => {
    await writeFile(ram, 'half');
    throw new Error('the guest did not boot');
  });
  await expect(failing).rejects.toThrow('the guest did not boot');
  expect(await readdir(path.join(store.cache, 'snapshots'))).toEqual([]);
  await store.ensure();
  expect(store.taken()).toBe(1);
});

test('what a killed run had begun is removed by the next one that takes it', async ({ store }) => {
  const { folder } = await store.ensure();
  await rm(folder, { recursive: true });
  await mkdir(`${folder}.unfinished-AbCdEf`);
  await writeFile(path.join(`${folder}.unfinished-AbCdEf`, 'ram'), 'half');
  await store.ensure();
  expect(await readdir(path.join(store.cache, 'snapshots'))).toEqual([path.basename(folder)]);
});

test('whoever discards a snapshot does not take away the one that somebody else took in its place', async ({
  store,
}) => {
  const first = await store.ensure();
  await discardSnapshot(first);
  const second = await store.ensure();
  expect(store.taken()).toBe(2);
  await discardSnapshot(first);
  expect((await store.ensure()).taken).toBe(second.taken);
});
