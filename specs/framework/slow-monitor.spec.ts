import path from 'node:path';

import { expect, test } from '../../fixtures/index.js';
import { launch } from '../../lib/machine/launch.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';
import { forConsole } from '../../lib/machine/wait/index.js';

test('a boot waits for a monitor that takes the connection and is slow to greet', async ({
  stack,
}, testInfo) => {
  testInfo.setTimeout(120_000);
  const silenceMs = 4_000;
  const { plan } = await stack.plan({ ...defaultMachineOptions, accel: 'tcg' });
  const machine = await launch(
    {
      ...plan,
      program: path.resolve('specs/framework/samples/boot/slow-monitor.js'),
      environment: { SAMPLE_SILENCE_MS: String(silenceMs) },
    },
    {
      title: 'The machine',
      consoleLog: testInfo.outputPath('console.log'),
      until: () => Promise.resolve(forConsole(/Linux version/, { awaited: 'the kernel' })),
    },
  );
  try {
    expect(await machine.monitor.infoStatus()).toMatchObject({ running: true });
  } finally {
    await machine.stop();
  }
});
