import { chmod, writeFile } from 'node:fs/promises';

import { expect, test } from '@playwright/test';

import { missingParts } from '../../../lib/bochs/index.js';

test('a host without the program, or with a file of its name that cannot be run, lacks it', async ({}, testInfo) => {
  const folder = testInfo.outputPath();
  await writeFile(testInfo.outputPath('bochs-bin'), '');
  expect(await missingParts('/nowhere')).toContain('bochs-bin');
  await chmod(testInfo.outputPath('bochs-bin'), 0o644);
  expect(await missingParts(folder)).toContain('bochs-bin');
  await chmod(testInfo.outputPath('bochs-bin'), 0o755);
  expect(await missingParts(`/nowhere:${folder}`)).not.toContain('bochs-bin');
});
