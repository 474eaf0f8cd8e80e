import { expect, test } from '@playwright/test';

import { drawSequence } from '../../support/generated/draw.js';
import { Planner } from '../../support/generated/plan.js';
import { shrink } from '../../support/generated/shrink.js';
import { type Alloc, problemsOf, type Step } from '../../support/generated/steps.js';

/** A driver in the mind: whether it goes wrong at the last of these steps. */
type Fault = (steps: readonly Step[]) => boolean;

const alive = (steps: readonly Step[]): number =>
  steps.filter(({ do: what }) => what === 'map').length -
  steps.filter(({ do: what }) => what === 'unmap').length;

/** The sequence up to the step at which it fails first. */
function run(steps: readonly Step[], fault: Fault): { steps: readonly Step[] } | undefined {
  const index = steps.findIndex((_, at) => fault(steps.slice(0, at + 1)));
  return index < 0 ? undefined : { steps: steps.slice(0, index + 1) };
}

async function shortestOf(fault: Fault): Promise<readonly Step[]> {
  const wrong: Step[] = [];
  for (let seed = 1; ; seed += 1) {
    const failed = run(Planner.plan(drawSequence(seed), 1n << 39n), fault);
    if (!failed) continue;
    const { steps } = await shrink(
      failed,
      (shorter) => {
        wrong.push(...problemsOf(shorter));
        return Promise.resolve(run(shorter, fault));
      },
      () => false,
    );
    expect(wrong).toEqual([]);
    return steps;
  }
}

const what = (steps: readonly Step[]): string => steps.map(({ do: did }) => did).join(' ');

test('a mapping that fails by itself is left alone, with its memory', async () => {
  const steps = await shortestOf((done) => done.at(-1)?.do === 'map');
  expect(steps).toMatchObject([
    { do: 'alloc', kind: 'anonymous', pages: 1, filled: false },
    { do: 'map', process: 'parent', first: 0, pages: 1, iova: undefined, write: true, thread: false },
  ]);
});

test('what a failure needs is left: so many mappings, a thread, a child, a kind, a number of pages', async () => {
  const last = (done: readonly Step[]): Step | undefined => done.at(-1);
  expect(what(await shortestOf((done) => alive(done) === 9))).toBe(`alloc${' map'.repeat(9)}`);
  expect(what(await shortestOf((done) => last(done)?.do === 'unmap'))).toBe('alloc map unmap');
  const thread = await shortestOf((done) => done.some((step) => step.do === 'map' && step.thread));
  expect(thread).toMatchObject([{ pages: 1 }, { thread: true, pages: 1, iova: undefined }]);
  const heir = await shortestOf((done) => {
    const step = last(done);
    const owner = done.find(
      (each) => each.do === 'alloc' && step?.do === 'map' && each.buffer === step.buffer,
    );
    return step?.do === 'map' && step.process !== 'parent' && (owner as Alloc).process === 'parent';
  });
  expect(what(heir)).toBe('alloc fork map');
  const kind = await shortestOf((done) => {
    const step = last(done);
    return (
      step?.do === 'map' &&
      done.some(
        (each) =>
          each.do === 'alloc' &&
          each.kind === 'split' &&
          each.buffer === step.buffer &&
          each.process === step.process,
      )
    );
  });
  expect(kind).toMatchObject([
    { kind: 'split', process: 'parent' },
    { do: 'map', pages: 1, iova: undefined },
  ]);
  const pages = await shortestOf((done) => done.some((step) => step.do === 'map' && step.pages >= 2));
  expect(pages).toMatchObject([{ pages: 2 }, { pages: 2 }]);
});

test('when the time is up, what was found so far is the result', async () => {
  const steps = Planner.plan(drawSequence(3), 1n << 39n);
  let tries = 0;
  const shortest = await shrink(
    { steps },
    () => Promise.resolve(undefined),
    () => (tries += 1) > 4,
  );
  expect(shortest.steps).toBe(steps);
  expect(tries).toBeGreaterThan(4);
});
