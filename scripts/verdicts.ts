/**
 * Shows that the ordinary VFIO specs can be trusted: runs them against a driver with each of the faults that it can be given, and
 * without any; and against other drivers that do the same in other ways.
 *
 *   npm run verdicts [-- [--healthy-runs N] [--all-failures] [--workers N] [--generated SECONDS] [FAULT…]]
 *
 * With --generated it is sequences of random mappings, for so long, that the driver as it is is held against, and with the faults that are named.
 *
 * Ends with 1 when a fault survives, when the function that wrote entries wrongly is not named, when a healthy driver is accused, or when a
 * run came to nothing.
 */
import { faults } from '../lib/image/faults.js';
import { healthyDrivers } from '../lib/image/drivers.js';
import { readCommandLine, refuse } from './command-line.js';
import { runSpecs } from './verdicts/run.js';
import { describeVerdict, isRight } from './verdicts/table.js';

const known = faults.map(({ name }) => name);
const usage = `usage: npm run verdicts [-- [--healthy-runs N] [--all-failures] [--workers N] [--generated SECONDS] [FAULT…]]\nFaults: ${known.join(' ')}`;

const { values, positionals } = readCommandLine(usage, {
  allowPositionals: true,
  options: {
    'healthy-runs': { type: 'string', default: '1' },
    'all-failures': { type: 'boolean', default: false },
    workers: { type: 'string', default: '2' },
    generated: { type: 'string' },
  },
});

const unknown = positionals.filter((fault) => !known.includes(fault));
if (unknown.length > 0) refuse(usage, `No such fault: ${unknown.join(' ')}`);
const healthyRuns = Number(values['healthy-runs']);
const workers = Number(values.workers);
const generatedSeconds = values.generated === undefined ? undefined : Number(values.generated);
if (generatedSeconds !== undefined && !(generatedSeconds >= 1)) refuse(usage, 'Seconds are 1 or more.');
if (!Number.isInteger(healthyRuns) || healthyRuns < 0 || !Number.isInteger(workers) || workers < 1) {
  refuse(usage, 'The number of healthy runs is 0 or more, that of workers 1 or more.');
}

// A few failures name a fault; the rest of the specs would say the same.
const maxFailures = values['all-failures'] ? 0 : 3;
const failed: string[] = [];
const began = performance.now();
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;
const drivers = [undefined, ...(await healthyDrivers())];
for (const driver of drivers) {
  for (let run = 1; run <= healthyRuns; run += 1) {
    const start = performance.now();
    const result = await runSpecs({ driver, fault: undefined, maxFailures: 0, workers, generatedSeconds });
    const isHealthy = result.problem === undefined && result.caught.length === 0;
    const name = `${driver ?? 'none'} (run ${run})`;
    if (!isHealthy) failed.push(driver ?? 'none');
    console.log(
      isHealthy
        ? `${name.padEnd(22)} ${result.tests} tests passed (${seconds(start)})`
        : `ACCUSED: ${describeVerdict(name, result)}`,
    );
  }
}
const chosen = faults.filter(
  ({ name }) => positionals.includes(name) || (positionals.length === 0 && generatedSeconds === undefined),
);
for (const fault of chosen) {
  const start = performance.now();
  const result = await runSpecs({ fault, maxFailures, workers, generatedSeconds });
  // Who wrote an entry is recorded, and what a check says is known, where a fault is looked for.
  const { name, what, seenIn } = fault;
  const expected = generatedSeconds === undefined ? fault : { name, what, seenIn, says: /^/ };
  if (!isRight(expected, result)) failed.push(fault.name);
  console.log(`${describeVerdict(fault.name, result, expected)}\n    ${seconds(start)}: ${fault.what}`);
}
const right = chosen.filter(({ name }) => !failed.includes(name)).length;
console.log(
  `${right} of ${chosen.length} faults caught and named, ${drivers.length * healthyRuns} runs of healthy drivers, in ${seconds(began)}.`,
);
if (failed.length > 0) console.log(`Not as it must be: ${[...new Set(failed)].join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
