import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { test as ours } from '../../../fixtures/index.js';
import { fixturesOf, isOption } from '../../../fixtures/run/checked-use.js';

const root = path.resolve(import.meta.dirname, '../../..');
const page = (name: string): Promise<string> => readFile(path.join(root, name), 'utf8');

/** Between others, and of no use to a spec. */
const between = [
  'checkedOptions',
  'deadlinePutOff',
  'environment',
  'openedStack',
  'recordMapping',
  'sharedVm',
];

/** The first column of the table with this header. */
async function listed(header: string): Promise<string[]> {
  const lines = (await page('docs/reference.md')).split('\n');
  const begin = lines.findIndex((line) => line.startsWith(`| ${header} `));
  expect(begin, header).toBeGreaterThan(0);
  const rows = lines.slice(begin + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => /^\| `(\w+)/.exec(line)?.[1] ?? line);
}

test('the reference lists the fixtures and options that there are', async () => {
  const playwright = fixturesOf(test);
  const own = [...fixturesOf(ours)].filter(([name]) => !playwright.has(name) && !between.includes(name));
  // An option may be overridden by what is none, on the way.
  const options = own.filter(([, value]) => isOption(value)).map(([name]) => name);
  const fixtures = own.map(([name]) => name).filter((name) => !options.includes(name));
  expect((await listed('fixture')).toSorted()).toEqual(fixtures.toSorted());
  expect((await listed('option')).toSorted()).toEqual(options.toSorted());
  const [, rules = ''] =
    /MachineOptions>.*? = \w+<.*?\(\{\n(.*?)\n\}\)/s.exec(await page('lib/machine/options.ts')) ?? [];
  const machineOptions = [...rules.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
  expect((await listed('of `machineOptions`')).toSorted()).toEqual(machineOptions.toSorted());
});

test('the reference lists the matchers that there are', async () => {
  const folder = path.join(root, 'fixtures/matchers');
  const sources = await Promise.all((await readdir(folder)).map((file) => page(`fixtures/matchers/${file}`)));
  const names = sources.flatMap((source) =>
    [...source.matchAll(/^ {4}'(to[A-Z]\w+)',$/gm)].map(([, name]) => name),
  );
  expect(names.length).toBeGreaterThan(10);
  expect((await listed('matcher')).toSorted()).toEqual(names.toSorted());
});

test('the first spec of the documentation is the one that init writes, and the README has it, too', async () => {
  const [, ...body] = (await page('scripts/init/specs/first.spec.ts')).split('\n\n');
  expect(await page('docs/first-spec.md')).toContain(await page('scripts/init/specs/first.spec.ts'));
  expect(await page('README.md')).toContain(body.join('\n\n'));
});
