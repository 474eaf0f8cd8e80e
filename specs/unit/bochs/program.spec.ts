import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { programArguments } from '../../../lib/bochs/program.js';

for (const { version, flags, first } of [
  { version: '2.7', flags: '  -rc filename     execute debugger commands stored in file', first: ['-q'] },
  {
    version: '3.0',
    flags: '  -debugger        start Bochs internal debugger on startup',
    first: ['-q', '-debugger'],
  },
]) {
  test(`Bochs ${version} is started with its debugger`, async ({}, testInfo) => {
    const folder = testInfo.outputPath('');
    const says = `#!/bin/sh\ncat >&2 <<'.'\nUsage: bochs [flags]\n\n${flags}\n.\n`;
    await writeFile(path.join(folder, 'bochs-bin'), says, { mode: 0o755 });
    expect(await programArguments('/tmp/rc', `${folder}:/usr/bin:/bin`)).toEqual([...first, '-f', '/tmp/rc']);
  });
}
