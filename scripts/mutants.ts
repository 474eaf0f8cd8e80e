/**
 * Shows how closely the ordinary VFIO specs look: runs them against every small change (mutant) of the reference driver's own code, all of
 * which are in one build.
 *
 *   npm run mutants [-- [--list] [--workers N] [MUTANT…]]
 *
 * Ends with 1 when a mutant survives that is not known to (scripts/mutants/survivors.ts has the reasons), when one of those was killed, and when
 * the build that has them all is accused with none of them at work.
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
import { type Mutant, mutate } from './mutants/mutate.js';
import { type Survivor, survivors } from './mutants/survivors.js';
import { runFiles, runSpecs } from './verdicts/run.js';

/** Where most of them are seen. */
const seenIn = 'mappings/(?:kinds|huge|given-up)';
const quick = [`specs/vfio/${seenIn}`];
const none: Survivor = { kind: 'equivalent', why: 'nothing is mutated' };

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
for (const title of Object.keys(survivors))
  if (!titles.has(title))
    refuse(usage, `scripts/mutants/survivors.ts: there is no mutant '${title}' any more.`);
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

const counts = {
  killed: 0,
  'stopped without a verdict': 0,
  equivalent: 0,
  unreached: 0,
  'not as they must be': 0,
};
/** Runs the specs with a mutant at work, or with none, and says how that ended. */
async function judge({ name, title }: Mutant, fault?: Pick<Fault, 'name' | 'seenIn'>): Promise<void> {
  const start = performance.now();
  const known = fault ? survivors[title] : none;
  // Those that are known to survive get the specs that see most of the others.
  const run = { driver, fault, maxFailures: 1, workers };
  const { caught, problem, tests } = await (known && fault ? runFiles(quick, run) : runSpecs(run));
  const [first] = caught;
  // A driver that refuses a mapping leaves nothing to be judged, and passes nowhere.
  const ending = problem ? 'stopped without a verdict' : first ? 'killed' : (known?.kind ?? 'killed');
  const survives = !problem && !first;
  const isRight = problem ? tests > 0 && !known : survives === (known !== undefined);
  counts[isRight ? ending : 'not as they must be'] += 1;
  const seconds = `${((performance.now() - start) / 1000).toFixed(0)} s`;
  const said = survives ? `survives ${tests} tests` : ending;
  console.log(`${name.padEnd(11)} ${isRight ? said : said.toUpperCase()}: ${title} (${seconds})`);
  for (const line of [
    problem,
    known && `${known.kind}: ${known.why}`,
    first?.message,
    first && `by: ${first.title}`,
  ])
    if (line) console.log(`    ${line}`);
}

if (positionals.length === 0) await judge({ name: 'none', title: 'the build with all of them' });
for (const mutant of chosen) await judge(mutant, { name: mutant.name, seenIn });
console.log(
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', '),
);
process.exitCode = counts['not as they must be'] === 0 ? 0 : 1;
