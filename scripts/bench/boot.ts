import path from 'node:path';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceStack } from '../../fixtures/stacks/reference.js';
import { startVm } from '../../fixtures/vm/start.js';
import { stopVm } from '../../fixtures/vm/vm.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';
import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { median, rounded, timed } from './statistics.js';

/** Cold boots of the reference stack: from the launch script's start to ssh's answer to a command. */
export async function boot(runs: number): Promise<object> {
  const stack = await referenceStack(readEnvironment(process.env), (line) => {
    console.error(line);
  });
  await using folder = await createRunFolder({ prefix: 'bench' });
  const coldMs: number[] = [];
  let accelerator = '';
  for (let run = 0; run < runs; run += 1) {
    const { ms, result } = await timed(() =>
      startVm(stack, {
        title: 'The benchmark machine',
        consoleLog: path.join(folder.path, `console-${run}.log`),
        machineOptions: { ...defaultMachineOptions, coldBoot: true },
      }),
    );
    accelerator = result.accelerator;
    await stopVm(result);
    console.error(`boot ${run + 1} of ${runs}: ${ms.toFixed(0)} ms`);
    coldMs.push(ms);
  }
  return { metric: 'boot', coldMs: rounded(median(coldMs)), runs: coldMs.map(rounded), accelerator };
}
