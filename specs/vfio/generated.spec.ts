import { test } from '../../fixtures/index.js';
import { addressBits } from '../../lib/paging/index.js';
import { drawSequence } from '../support/generated/draw.js';
import { hugetlbPool, Planner } from '../support/generated/plan.js';
import { printSpec } from '../support/generated/print.js';
import { type Failure, runSequence } from '../support/generated/run.js';
import { shrink } from '../support/generated/shrink.js';

/** How long a sequence that fails is made shorter, over the time that sequences are tried. */
const shrinkingSeconds = 150;
/** A step, with all checks after it, on a busy host. */
const lastStepSeconds = 60;

// Sequences are many, and each look of theirs is at all of memory; what a failing one is boiled down to is recorded when it is run as a spec.
test.use({ needs: ['@memfd', '@thp', '@hugetlb'], recordMappings: false });

test('whatever is mapped, in whatever order, is taken away and stays so', async ({
  vfio,
  guest,
  kernelLog,
  environment,
}, testInfo) => {
  const { seconds, seed = 1 } = environment.generated;
  test.setTimeout((seconds + shrinkingSeconds + lastStepSeconds) * 1000);
  await guest.succeed([
    'sh',
    '-c',
    `echo ${hugetlbPool} > /proc/sys/vm/nr_hugepages; grep -qx ${hugetlbPool} /proc/sys/vm/nr_hugepages`,
  ]);
  const first = await vfio.process();
  const { host } = first;
  const tables = await first.deviceView.tables(0n);
  if (typeof tables === 'string') throw new Error(`The device has no tables: ${tables}.`);
  const width = 1n << BigInt(addressBits(tables.levels));
  await first.kill();
  const ground = { host, kernelLog };

  const began = performance.now();
  const isOver = (limit: number) => (): boolean => performance.now() - began > limit * 1000;
  let steps = 0;
  for (let next = seed; next === seed || !isOver(seconds)(); next += 1) {
    const sequence = Planner.plan(drawSequence(next), width);
    const failure = await runSequence(ground, sequence, isOver(seconds), () => (steps += 1));
    const took = (performance.now() - began) / 1000;
    const done = `${steps} steps in ${took.toFixed(0)} s, seeds ${seed} to ${next}`;
    if (!failure) {
      testInfo.annotations.push({ type: 'generated', description: done });
      continue;
    }
    const kind = kindOf(failure.error);
    let tries = 0;
    const shortest = await shrink<Failure>(
      failure,
      async (shorter) => {
        tries += 1;
        const again = await runSequence(ground, shorter);
        return again && kindOf(again.error) === kind ? again : undefined;
      },
      isOver(took + shrinkingSeconds),
    );
    const title = `generated from seed ${next}`;
    const spec = await printSpec(shortest.steps, shortest.check, title);
    await testInfo.attach('shortest-failing.spec.ts', { body: spec, contentType: 'text/plain' });
    throw new Error(
      `${shortest.error.message}\n\nFound after ${done}; shortened in ${tries} tries. The same again: E2E_SEED=${next}. As a spec:\n\n${spec}`,
      { cause: shortest.error },
    );
  }
});

/** A sequence that fails otherwise than another shows something else. */
function kindOf(error: Error): string {
  return 'matcherResult' in error ? 'a check' : error.name;
}
