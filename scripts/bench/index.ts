/** `npm run bench -- NAME [RUNS]`: one line of JSON on stdout, progress on stderr. */
import { boot } from './boot.js';
import { restore } from './restore.js';

const benchmarks: Readonly<Record<string, { run: (runs: number) => Promise<object>; runs: number }>> = {
  boot: { run: boot, runs: 5 },
  restore: { run: restore, runs: 20 },
};

const [name = '', runs] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (!benchmark || (runs !== undefined && !/^[1-9]\d*$/.test(runs))) {
  console.error(`usage: npm run bench -- ${Object.keys(benchmarks).join('|')} [RUNS]`);
  process.exit(2);
}
console.log(JSON.stringify(await benchmark.run(runs === undefined ? benchmark.runs : Number(runs))));
