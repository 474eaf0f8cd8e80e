import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, test } from '@playwright/test';

import type { ArchiveSettings } from '../../../lib/debian/archives.js';
import { readLock } from '../../../lib/debian/lock.js';
import { PackagesGoneError } from '../../../lib/debian/errors.js';
import { readPackageList } from '../../../lib/debian/package-list.js';
import { findNewest, lockFile, packagesInForce, withPackages } from '../../../lib/image/packages-in-force.js';
import { makeArchive, type MadeUpPackage, serve } from './support/made-up-archive.js';

const lists = path.dirname(lockFile);
const snapshot = 'http://127.0.0.1:9';

function kernel(version: string, abi: number, without = ''): MadeUpPackage[] {
  return ['image', 'headers']
    .map((part) => `linux-${part}-6.1.0-${abi}-amd64`)
    .concat(`linux-headers-6.1.0-${abi}-common`, 'linux-kbuild-6.1', 'linux-source-6.1')
    .filter((name) => without === '' || !name.includes(without))
    .map((name) => ({ name, version }));
}

/** All that the recipes name, and two packages that one of them depends on. */
async function others(): Promise<MadeUpPackage[]> {
  const files = (await readdir(lists)).filter((name) => name.endsWith('.list'));
  const all = await Promise.all(files.map((name) => readPackageList(path.join(lists, name))));
  const names = new Set(
    all.flatMap(({ requests }) => requests.flatMap((one) => ('name' in one ? [one.name] : []))),
  );
  return [
    ...[...names].map((name) => ({ name, version: '1' })),
    { name: 'gcc', version: '2', depends: 'made-up-library' },
    { name: 'made-up-library', version: '3+b1' },
  ];
}

async function settingsOf(
  packages: readonly MadeUpPackage[],
): Promise<{ settings: ArchiveSettings; cache: string }> {
  const { folder, keyring } = await makeArchive(test.info().outputPath('archive'), packages);
  return {
    settings: { base: pathToFileURL(folder).href, snapshot, keyring },
    cache: test.info().outputPath('cache'),
  };
}

test('a source that is newer than its image, and an image newer than its headers, are passed over', async () => {
  const { settings: archives, cache } = await settingsOf([
    ...(await others()),
    ...kernel('6.1.300-3', 63, 'image'),
    ...kernel('6.1.300-2', 62, 'headers'),
    ...kernel('6.1.299-1', 61),
    ...kernel('6.1.298-1', 60),
  ]);
  const lock = await findNewest({ cache, archives });
  expect(lock.passedOver).toBe('6.1.300-3 (no image); 6.1.300-2 (no headers, headers-common)');
  const versions = (set: string) =>
    lock.sets[set]?.filter(({ name }) => name.startsWith('linux-')).map(({ version }) => version);
  expect(versions('reference')).toEqual(Array(5).fill('6.1.299-1'));
  expect([versions('small-kernel'), versions('stand-in')]).toEqual([['6.1.299-1'], ['6.1.299-1']]);
  // A list that is closed has what its packages depend on.
  expect(lock.sets['build-root']).toContainEqual(
    expect.objectContaining({
      name: 'made-up-library',
      version: '3+b1',
      archive: 'debian',
      suite: 'bookworm',
    }),
  );
  expect(lock.sets.reference).not.toContainEqual(expect.objectContaining({ name: 'made-up-library' }));
});

test('what the lock names and nobody has is replaced as a whole, once, and said', async () => {
  const { settings: archives, cache } = await settingsOf([...(await others()), ...kernel('6.1.299-1', 61)]);
  const lines: string[] = [];
  const context = { cache, archives, progress: (line: string) => lines.push(line) };
  const committed = await readLock(lockFile);
  const used: string[] = [];
  const build = () =>
    withPackages(context, ({ lock, title, asLocked }) => {
      used.push(lock.taken);
      if (lock.taken === committed.taken) throw new PackagesGoneError('They are gone.');
      return Promise.resolve({ title, asLocked });
    });
  const result = await build();
  expect(result).toMatchObject({
    asLocked: false,
    title: expect.stringMatching(
      `^found in the archive on \\d{8}T\\d{6}Z: those of the lock of ${committed.taken} were to be had nowhere$`,
    ),
  });
  expect(lines).toEqual([expect.stringMatching(/^They are gone\. The newest that .* are taken instead\.$/)]);
  // From then on they are in force, without asking again; the committed lock is as it was.
  expect(await build()).toEqual(result);
  expect(used).toEqual([committed.taken, used[1], used[1]]);
  expect((await packagesInForce(cache)).asLocked).toBe(false);
  expect((await packagesInForce(test.info().outputPath('another'))).asLocked).toBe(true);
  expect(await readLock(lockFile)).toEqual(committed);
});

test('an archive in which no kernel is whole says what each lacks', async () => {
  const { settings: archives, cache } = await settingsOf([
    ...(await others()),
    ...kernel('6.1.300-3', 63, 'image'),
    ...kernel('6.1.299-1', 61, 'kbuild'),
  ]);
  await expect(findNewest({ cache, archives })).rejects.toThrow(
    /no version of Debian's kernel 6\.1 with all of .*: 6\.1\.300-3 \(no image\); 6\.1\.299-1 \(no kbuild\)/,
  );
});

test('an index that is another page, is signed by somebody else, or is not there, is one clear line', async () => {
  const made = await makeArchive(test.info().outputPath('archive'), await others());
  const other = await makeArchive(test.info().outputPath('other'), []);
  await using page = await serve(() => '<html><title>Log in</title></html>');
  await using closed = await serve(() => undefined);
  await closed[Symbol.asyncDispose]();
  for (const [base, keyring, words] of [
    [page.address, made.keyring, /Clearsigned file isn't valid|NOSPLIT|does not start with a cleartext/],
    [pathToFileURL(made.folder).href, other.keyring, /NO_PUBKEY|not signed/],
    [closed.address, made.keyring, /[Cc]onnect/],
  ] as const) {
    const found = findNewest({
      cache: test.info().outputPath('cache'),
      archives: { base, keyring, snapshot },
    });
    await expect(found).rejects.toThrow(words);
    await expect(found).rejects.toThrow(
      /^The index of Debian's packages cannot be read from [^\n]*E2E_DEBIAN_ARCHIVE/,
    );
  }
});

test('the lock that is committed names, for each list, what the list asks for', async () => {
  const lock = await readLock(lockFile);
  for (const file of (await readdir(lists)).filter((name) => name.endsWith('.list'))) {
    const { requests } = await readPackageList(path.join(lists, file));
    const names = lock.sets[path.basename(file, '.list')]?.map(({ name }) => name);
    for (const request of requests) {
      if ('name' in request) expect(names, file).toContain(request.name);
      else
        expect(
          names?.filter((name) => name.startsWith('linux-')),
          file,
        ).toHaveLength(request.parts.length);
    }
  }
  const versions = Object.values(lock.sets)
    .flat()
    .filter(({ name }) => /^linux-(image|headers|kbuild|source)-/.test(name))
    .map(({ version }) => version);
  expect(new Set(versions).size).toBe(1);
  expect(await readFile(lockFile, 'utf8')).not.toMatch(/https?:/);
});
