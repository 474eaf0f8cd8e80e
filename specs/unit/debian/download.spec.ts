import type { ServerResponse } from 'node:http';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { debianKeyring } from '../../../lib/debian/archives.js';
import { downloadPackages } from '../../../lib/debian/download.js';
import type { DebianPackage } from '../../../lib/debian/package.js';
import { digest, serve } from './support/made-up-archive.js';

const content = 'what the lock means';
const one: DebianPackage = {
  ...{ name: 'one', version: '1:2.0+b1-3', archive: 'debian-security', suite: 'bookworm-security' },
  ...{ path: 'pool/main/o/one/one_2.0+b1-3_amd64.deb', size: content.length, sha256: digest(content) },
};
const taken = '20261128T214503Z';
const atArchive = `/debian-security/${one.path}`;
const atSnapshot = `/archive/debian-security/${taken}/${one.path}`;

function download(base: string, snapshot: string): Promise<void> {
  const folder = test.info().outputPath();
  const settings = { base, snapshot, keyring: debianKeyring };
  return downloadPackages({ packages: [one], taken, folder, settings, progress: () => undefined });
}

async function isWhole(): Promise<void> {
  const folder = test.info().outputPath();
  expect(await readdir(folder)).toEqual(['one_2.0+b1-3_amd64.deb']);
  expect(await readFile(path.join(folder, 'one_2.0+b1-3_amd64.deb'), 'utf8')).toBe(content);
}

test('a package comes from the archive, once', async () => {
  await using archive = await serve((url) => (url === atArchive ? content : undefined));
  await using snapshot = await serve(() => undefined);
  await download(archive.address, snapshot.address);
  await download(archive.address, snapshot.address);
  expect([archive.asked, snapshot.asked]).toEqual([[atArchive], []]);
  await isWhole();
});

test('what is in the cache is checked: half a file is brought again', async () => {
  await writeFile(test.info().outputPath('one_2.0+b1-3_amd64.deb'), content.slice(0, 5));
  await using archive = await serve(() => content);
  await download(archive.address, archive.address);
  await isWhole();
});

for (const [what, answer] of Object.entries({
  'no longer has it': undefined,
  'has another under its name': 'something else that is as long'.slice(0, content.length),
  'says a page of its own': '<html>Log in to the network</html>',
  'breaks off half-way': (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.slice(0, 5), () => response.destroy());
  },
})) {
  test(`an archive that ${what} is passed over for that of old versions`, async () => {
    await using archive = await serve(() => answer);
    await using snapshot = await serve((url) => (url === atSnapshot ? content : undefined));
    await download(archive.address, snapshot.address);
    expect(archive.asked).toContain(atArchive);
    expect(snapshot.asked).toEqual([atSnapshot]);
    await isWhole();
  });
}

test('a server that hangs up on everybody is asked for one file, not for all', async () => {
  await using archive = await serve(() => (response) => response.destroy());
  await using snapshot = await serve(() => content);
  const folder = test.info().outputPath();
  const settings = { base: archive.address, snapshot: snapshot.address, keyring: debianKeyring };
  const packages = ['a', 'b', 'c', 'd'].map((name) => ({ ...one, path: `pool/${name}_1_amd64.deb` }));
  await downloadPackages({ packages, taken, folder, settings, progress: () => undefined });
  expect(new Set(archive.asked)).toEqual(new Set(['/debian-security/pool/a_1_amd64.deb']));
  expect((await readdir(folder)).sort()).toEqual(['a', 'b', 'c', 'd'].map((name) => `${name}_1_amd64.deb`));
});

test('what is to be had nowhere is named, with what each said, and nothing is left', async () => {
  await using archive = await serve(() => undefined);
  await using closed = await serve(() => undefined);
  const { address } = closed;
  await closed[Symbol.asyncDispose]();
  const failed = download(archive.address, address);
  await expect(failed).rejects.toThrow(
    /one 1:2\.0\+b1-3\. Asked: 127\.0\.0\.1:\d+: .*404.*; http:\/\/127\.0\.0\.1:\d+: .*[Cc]onnect.*E2E_DEBIAN_SNAPSHOT/,
  );
  await expect(failed).rejects.toMatchObject({ name: 'PackagesGoneError' });
  expect(await readdir(test.info().outputPath())).toEqual([]);
});
