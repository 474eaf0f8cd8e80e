import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import { execa } from 'execa';

test('what Playwright compiled under another version of Node is compiled anew', async ({}, testInfo) => {
  test.setTimeout(180_000);
  const cache = testInfo.outputPath('compiled');
  await mkdir(cache);
  const list = async (): Promise<number | undefined> => {
    const cli = path.resolve('node_modules/@playwright/test/cli.js');
    const args = [cli, 'test', '--list', '--reporter=list', 'specs/unit/vfio/page-list.spec.ts'];
    const inner = Object.entries(process.env).filter(([name]) => !/^(TEST_|PLAYWRIGHT_|PW)/.test(name));
    const env = { ...Object.fromEntries(inner), PLAYWRIGHT_TRANSFORM_CACHE_DIR: cache };
    return (await execa(process.execPath, args, { env, extendEnv: false, reject: false })).exitCode;
  };
  expect(await list()).toBe(0);
  const marker = path.join(cache, 'opentdx-e2e-node');
  const [version = ''] = process.versions.node.split('.');
  expect(await readFile(marker, 'utf8')).toBe(version);

  // It is kept with its digest.
  const spoiled = 'what is this';
  const spoil = async (): Promise<void> => {
    for (const name of await readdir(cache, { recursive: true }))
      if (name.endsWith('_pagelistspec.js'))
        await writeFile(
          path.join(cache, name),
          `// ${createHash('sha1').update(spoiled).digest('hex')}\n${spoiled}`,
        );
  };
  await spoil();
  // Of this version it is taken as it is.
  expect(await list()).toBe(1);
  await writeFile(marker, '99');
  expect(await list()).toBe(0);
});
