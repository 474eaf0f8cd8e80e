import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { benchStack, oneStart, type Start } from './machines.js';
import { median, rounded } from './statistics.js';

/** Cold boots of the reference stack: from the launch script's start to ssh's answer to a command. */
export async function boot(runs: number): Promise<object> {
  const stack = await benchStack();
  await using folder = await createRunFolder({ prefix: 'bench' });
  const starts: Start[] = [];
  for (let run = 0; run < runs; run += 1) starts.push(await oneStart(stack, folder.path, true));
  const coldMs = starts.map(({ firstCommandMs }) => firstCommandMs);
  return {
    metric: 'boot',
    coldMs: rounded(median(coldMs)),
    cpuMs: rounded(median(starts.map(({ cpuMs }) => cpuMs))),
    runs: coldMs.map(rounded),
    accelerator: starts[0]?.accelerator,
  };
}
