/**
 * `npm run bench -- NAME [RUNS]`: one line of JSON on stdout. `npm run bench`: all of them but the long ones (`history`, `restores`) and the one
 * that needs Bochs (`ept`), as one JSON object on stdout and a table for people on stderr, where progress goes too.
 *
 * `npm run bench -- suite [RUNS] [--base COMMIT] [-- ARGUMENTS OF PLAYWRIGHT'S]`: where the time of all workers goes in a run, and what of it has
 * changed since that commit.
 */
import { readCommandLine, refuse } from '../command-line.js';
import { boot } from './boot.js';
import { ept } from './ept.js';
import { fresh } from './fresh.js';
import { history } from './history.js';
import { restore } from './restore.js';
import { restores } from './restores.js';
import { suite, type SuiteOptions } from './suite/suite.js';
import { verifyPte } from './verify-pte.js';
import { walk } from './walk.js';

interface Benchmark {
  readonly run: (runs: number, asked: Omit<SuiteOptions, 'runs'>) => Promise<object>;
  readonly runs: number;
  /** Takes minutes, or needs what the others don't, and is run only when it is named. */
  readonly onlyNamed?: boolean;
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  boot: { run: boot, runs: 5 },
  restore: { run: restore, runs: 20 },
  fresh: { run: fresh, runs: 200 },
  walk: { run: walk, runs: 20 },
  'verify-pte': { run: verifyPte, runs: 3 },
  history: { run: history, runs: 20, onlyNamed: true },
  restores: { run: restores, runs: 1000, onlyNamed: true },
  ept: { run: ept, runs: 3, onlyNamed: true },
  suite: { run: (runs, asked) => suite({ runs, ...asked }), runs: 1, onlyNamed: true },
};

const usage = `usage: npm run bench [-- ${Object.keys(benchmarks).join('|')} [RUNS]] [--base COMMIT] [-- ARGUMENTS]`;

const { positionals, values } = readCommandLine(usage, {
  allowPositionals: true,
  options: { base: { type: 'string' } },
});
const [name, ...args] = positionals;
const runs = /^[1-9]\d*$/.test(args[0] ?? '') ? Number(args.shift()) : undefined;
const { base } = values;
const ordinary = Object.keys(benchmarks).filter((each) => !benchmarks[each]?.onlyNamed);
const chosen = name === undefined ? ordinary : name in benchmarks ? [name] : [];
if (chosen.length === 0) refuse(usage, `No such benchmark: ${name ?? ''}`);
if (name !== 'suite' && args.length > 0) refuse(usage, 'One number of runs, 1 or more.');
if (name !== 'suite' && base !== undefined) refuse(usage, '--base is for the benchmark suite.');
const results: Record<string, object> = {};
for (const each of chosen) {
  const benchmark = benchmarks[each];
  if (benchmark) results[each] = await benchmark.run(runs ?? benchmark.runs, { base, args });
}
if (name === undefined) {
  console.log(JSON.stringify(results));
  console.error(table(results));
} else {
  console.log(JSON.stringify(results[name]));
}

/** The single figures of every benchmark; the lists are for machines. */
function table(all: Readonly<Record<string, object>>): string {
  const rows = Object.entries(all).flatMap(([benchmark, result]) =>
    Object.entries(result)
      .filter(([, value]) => typeof value === 'number')
      .map(([figure, value]) => `${benchmark.padEnd(12)}${figure.padEnd(22)}${String(value).padStart(10)}`),
  );
  return ['', 'benchmark   figure                     value', ...rows].join('\n');
}
