import { PassThrough } from 'node:stream';

import { expect, test } from '@playwright/test';

import { consoleEvents } from '../../../fixtures/evidence/timeline-events.js';
import { Console } from '../../../lib/machine/console/index.js';

test('a network card without a network is as it should be, and other warnings are warnings', async () => {
  const console = new Console({ logFile: test.info().outputPath('console.log') });
  const heard = consoleEvents(console);
  const stream = new PassThrough();
  const ended = console.attach(stream);
  stream.end(
    'qemu-system-x86_64: warning: nic e1000.0 has no peer\nqemu-system-x86_64: warning: host lacks it\n',
  );
  await ended;
  console.close();
  expect(heard.events.map(({ severity }) => severity)).toEqual(['info', 'warning']);
});
