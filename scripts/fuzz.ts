/** `npm run fuzz -- [--seconds N] [--seed N]`: feeds random input to everything that reads what a guest or QEMU says. */
import { readCommandLine, refuse } from './command-line.js';
import * as kernelLog from '../specs/support/fuzz/kernel-log.js';
import * as monitorReplies from '../specs/support/fuzz/monitor-replies.js';
import * as registerDumps from '../specs/support/fuzz/register-dumps.js';
import * as tableImages from '../specs/support/fuzz/table-images.js';

/** What one call of `run` is given: short enough to look at the clock in between. */
const targets = [
  { name: 'table images', run: tableImages.run, iterations: 200 },
  { name: 'register dumps', run: registerDumps.run, iterations: 50 },
  { name: 'monitor replies', run: monitorReplies.run, iterations: 100 },
  { name: 'kernel log', run: kernelLog.run, iterations: 2 },
] as const;

/** What all of them may hold at any time, in MiB: more means that something grows with its input. */
const memoryBoundMiB = 1_500;

const usage = 'usage: npm run fuzz -- [--seconds N] [--seed N]';
const { values } = readCommandLine(usage, {
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
});
const seconds = Number(values.seconds);
const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(firstSeed) || firstSeed < 0) {
  refuse(usage, 'Seconds are a number above 0, a seed is a whole number from 0 on.');
}
console.log(
  `fuzz: ${seconds} s from seed ${firstSeed} (the same again: npm run fuzz -- --seconds ${seconds} --seed ${firstSeed})`,
);

const share = (seconds * 1000) / targets.length;
for (const { name, run, iterations } of targets) {
  const began = performance.now();
  let done = 0;
  let slowestMs = 0;
  let seed = firstSeed;
  // Each takes its share of the time, and each call a seed of its own, which an error names.
  for (; performance.now() - began < share; seed += 1) {
    slowestMs = Math.max(slowestMs, run({ iterations, seed }).slowestMs);
    done += iterations;
    const rssMiB = process.memoryUsage.rss() / 2 ** 20;
    if (rssMiB > memoryBoundMiB)
      throw new Error(`${name}: ${rssMiB.toFixed(0)} MiB are in use after seed ${seed}`);
  }
  const took = (performance.now() - began) / 1000;
  console.log(
    `fuzz: ${name}: ${done.toLocaleString('en')} inputs in ${took.toFixed(1)} s, seeds ${firstSeed} to ${seed - 1}, slowest ${slowestMs.toFixed(1)} ms`,
  );
}
