/**
 * Shows how closely the ordinary VFIO specs look: runs them against every small change (mutant) of the reference driver's own code, all of
 * which are in one build.
 *
 *   npm run mutants [-- [--list] [--workers N] [MUTANT…]]
 *
 * Ends with 1 when a mutant survives that is not told to be equivalent (scripts/mutants/equivalent.ts), when one that is was killed, and when the
 * build that has them all is accused with none of them at work.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { readEnvironment } from '../fixtures/environment.js';
import { inWorkshop } from '../fixtures/stacks/in-workshop.js';
import { referenceImage } from '../fixtures/stacks/reference-image.js';
import { referenceDriverSource } from '../lib/image/drivers.js';
import type { Fault } from '../lib/image/faults.js';
import { referenceRecipe } from '../lib/image/reference-image.js';
import { createRunFolder } from '../lib/machine/ownership/index.js';
import { readCommandLine, refuse } from './command-line.js';
import { equivalent } from './mutants/equivalent.js';
import { type Mutant, mutate } from './mutants/mutate.js';
import { runSpecs } from './verdicts/run.js';

const usage = 'usage: npm run mutants [-- [--list] [--workers N] [MUTANT…]]';
const { values, positionals } = readCommandLine(usage, {
  allowPositionals: true,
  options: { list: { type: 'boolean', default: false }, workers: { type: 'string', default: '2' } },
});
const workers = Number(values.workers);
if (!Number.isInteger(workers) || workers < 1) refuse(usage, 'The number of workers is 1 or more.');

const environment = readEnvironment(process.env);
const progress = (line: string): void => {
  console.error(line);
};
const image = await referenceImage(environment, progress);
const source = await inWorkshop(environment, progress, (context) => referenceDriverSource(context, image));
const patch = path.join(referenceRecipe, 'patches/0001-vfio-type1-clear-page-user.patch');
const mutated = mutate(source, await readFile(patch, 'utf8'));
const titles = new Set(mutated.mutants.map(({ title }) => title));
for (const title of Object.keys(equivalent))
  if (!titles.has(title))
    refuse(usage, `scripts/mutants/equivalent.ts: there is no mutant '${title}' any more.`);
const unknown = positionals.filter((name) => !mutated.mutants.some((mutant) => mutant.name === name));
if (unknown.length > 0) refuse(usage, `No such mutant: ${unknown.join(' ')} (--list names them).`);
const chosen = mutated.mutants.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (values.list) {
  for (const { name, title } of chosen) console.log(`${name.padEnd(11)} ${title}`);
  process.exit(0);
}

await using folder = await createRunFolder({ prefix: 'mutants' });
const driver = path.join(folder.path, 'vfio_iommu_type1.c');
await writeFile(driver, mutated.source);

const counts = { killed: 0, equivalent: 0, wrong: 0 };
/** Runs the specs with a mutant at work, or with none, and says how that ended. */
async function judge({ name, title }: Mutant, fault?: Pick<Fault, 'name' | 'seenIn'>): Promise<void> {
  const start = performance.now();
  const { caught, problem, tests } = await runSpecs({ driver, fault, maxFailures: 1, workers });
  const [first] = caught;
  const why = fault ? equivalent[title] : 'the build with all of them';
  const isRight = problem === undefined && (first === undefined) === (why !== undefined);
  counts[!isRight ? 'wrong' : first ? 'killed' : 'equivalent'] += 1;
  const ending = problem ? 'no verdict' : first ? 'killed' : `lives (${tests} tests)`;
  const seconds = `${((performance.now() - start) / 1000).toFixed(0)} s`;
  console.log(`${name.padEnd(11)} ${isRight ? ending : ending.toUpperCase()}: ${title} (${seconds})`);
  for (const line of [problem, why && `equivalent: ${why}`, first?.message, first && `by: ${first.title}`])
    if (line) console.log(`    ${line}`);
}

if (positionals.length === 0) await judge({ name: 'none', title: 'no mutant' });
for (const mutant of chosen) await judge(mutant, { name: mutant.name, seenIn: 'mappings/kinds' });
console.log(`${counts.killed} killed, ${counts.equivalent} equivalent, ${counts.wrong} not as they must be.`);
process.exitCode = counts.wrong === 0 ? 0 : 1;
