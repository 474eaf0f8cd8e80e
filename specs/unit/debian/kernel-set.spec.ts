import { execFileSync } from 'node:child_process';

import { expect, test } from '@playwright/test';
import fc from 'fast-check';

import { describePassedOver, newestKernelSet } from '../../../lib/debian/kernel-set.js';
import { parseMadison } from '../../../lib/debian/index-entries.js';
import { compareVersions } from '../../../lib/debian/version.js';

/** All packages of one version of Debian's 6.1, without those named. */
function kernel(version: string, abi: number, without: readonly string[] = []) {
  const names = [
    `linux-image-6.1.0-${abi}-amd64`,
    `linux-headers-6.1.0-${abi}-amd64`,
    `linux-headers-6.1.0-${abi}-common`,
    'linux-kbuild-6.1',
    'linux-source-6.1',
  ];
  return names
    .filter((name) => !without.some((word) => name.includes(word)))
    .map((name) => ({ name, version }));
}

/** What no set is made of, though their names are near. */
const neighbours = [
  'linux-image-6.1.0-60-cloud-amd64',
  'linux-image-6.1.0-60-rt-amd64',
  'linux-image-6.1.0-60-amd64-unsigned',
  'linux-image-6.1.0-60-amd64-dbg',
  'linux-image-6.12.1+deb12-amd64',
  'linux-headers-6.1.0-60-rt-amd64',
  'linux-headers-6.1.0-60-common-rt',
].map((name) => ({ name, version: '6.1.999-1' }));

test('a source that is newer than its image is passed over, and named', () => {
  const index = [
    ...kernel('6.1.192-3', 57, ['image']),
    ...kernel('6.1.192-2', 56),
    ...kernel('6.1.190-1', 55),
    ...neighbours,
  ];
  const set = newestKernelSet('6.1', index);
  expect(set).toMatchObject({
    version: '6.1.192-2',
    names: { image: 'linux-image-6.1.0-56-amd64', 'headers-common': 'linux-headers-6.1.0-56-common' },
  });
  expect(describePassedOver(set.passedOver)).toBe('6.1.192-3 (no image)');
});

test('every part counts: whichever is missing, the version before is taken', () => {
  for (const part of ['image', '-headers-6.1.0-56-amd64', 'common', 'kbuild', 'source']) {
    const index = [...kernel('6.1.192-2', 56, [part]), ...kernel('6.1.176-1', 50)];
    expect(newestKernelSet('6.1', index), part).toMatchObject({ version: '6.1.176-1' });
  }
});

test('the order is that of versions, not of text, nor of the index', () => {
  const index = [...kernel('6.1.99-1', 9), ...kernel('6.1.192-2', 56), ...kernel('6.1.112-1', 20)];
  for (const each of [index, index.toReversed()]) {
    expect(newestKernelSet('6.1', each)).toMatchObject({ version: '6.1.192-2', passedOver: [] });
  }
});

test("a series since 6.12 has the release in its packages' names", () => {
  const index = ['image', 'headers', 'kbuild'].map((part) => ({
    name: `linux-${part}-6.12.95+deb12${part === 'kbuild' ? '' : '-amd64'}`,
    version: '6.12.95-1~bpo12+1',
  }));
  const rest = ['linux-headers-6.12.95+deb12-common', 'linux-source-6.12'].map((name) => ({
    name,
    version: '6.12.95-1~bpo12+1',
  }));
  expect(newestKernelSet('6.12', [...index, ...rest])).toMatchObject({ version: '6.12.95-1~bpo12+1' });
});

test('where no version is whole there is no set, and every version says what it lacks', () => {
  const index = [...kernel('6.1.192-3', 57, ['image']), ...kernel('6.1.192-2', 56, ['kbuild', 'source'])];
  const set = newestKernelSet('6.1', index);
  expect(set).not.toHaveProperty('names');
  expect(describePassedOver(set.passedOver)).toBe('6.1.192-3 (no image); 6.1.192-2 (no kbuild, source)');
  expect(newestKernelSet('6.1', [])).toEqual({ passedOver: [] });
});

test('what apt says of versions is read line by line', () => {
  const text = [
    ' linux-source-6.1 |  6.1.192-3 | http://deb.debian.org/debian-security bookworm-security/main amd64 Packages',
    'linux-kbuild-6.1 | 1:6.1.176-1 | http://127.0.0.1:8080/debian bookworm/main amd64 Packages',
    'linux-source-6.1 |  6.1.176-1 | http://deb.debian.org/debian bookworm/main Sources',
    'N: Unable to locate package linux-source-6.0',
    '<html><title>Log in</title></html>',
  ].join('\n');
  expect(parseMadison(text)).toEqual([
    { name: 'linux-source-6.1', version: '6.1.192-3', suite: 'bookworm-security' },
    { name: 'linux-kbuild-6.1', version: '1:6.1.176-1', suite: 'bookworm' },
  ]);
});

test('versions are compared as dpkg compares them', () => {
  const part = fc.string({
    unit: fc.constantFrom('0', '1', '9', 'a', '~', '+', '.', 'Z'),
    minLength: 1,
    maxLength: 6,
  });
  const version = fc
    .tuple(fc.option(fc.nat(2)), part, fc.option(part))
    .map(
      ([epoch, upstream, revision]) =>
        `${epoch === null ? '' : `${epoch}:`}0${upstream}${revision === null ? '' : `-${revision}`}`,
    );
  fc.assert(
    fc.property(version, version, (a, b) => {
      const relation = Math.sign(compareVersions(a, b));
      const operator = relation < 0 ? 'lt' : relation > 0 ? 'gt' : 'eq';
      execFileSync('dpkg', ['--compare-versions', a, operator, b]);
    }),
    { numRuns: 200 },
  );
});
