import path from 'node:path';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceStack } from '../../fixtures/stacks/reference.js';
import { startVm } from '../../fixtures/vm/start.js';
import { stopVm } from '../../fixtures/vm/vm.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';
import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { median, rounded, timed } from './statistics.js';

export async function restore(runs: number): Promise<object> {
  const stack = await referenceStack(readEnvironment(process.env), (line) => {
    console.error(line);
  });
  await using folder = await createRunFolder({ prefix: 'bench' });
  const ready: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { ms, result } = await timed(() =>
      startVm(stack, {
        title: 'The benchmark machine',
        consoleLog: path.join(folder.path, `console-${run}.log`),
        machineOptions: defaultMachineOptions,
      }),
    );
    if (process.env.TRANSCRIPT) console.error(result.machine.transcript.toText());
    await stopVm(result);
    ready.push(ms);
  }
  return { metric: 'restore', restoreMs: rounded(median(ready)), runs: ready.map(rounded) };
}
