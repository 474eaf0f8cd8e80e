import { expect, test } from '@playwright/test';

import { drawSequence } from '../../support/generated/draw.js';
import { limits, pageSize, Planner } from '../../support/generated/plan.js';
import { type MapStep, problemsOf, type Step } from '../../support/generated/steps.js';

const width = 1n << 39n;
const seeds = Array.from({ length: 300 }, (_, seed) => seed);
const plans = seeds.map((seed) => Planner.plan(drawSequence(seed), width));

/** Mappings that are alive together, after each step. */
function aliveAt(steps: readonly Step[]): MapStep[][] {
  let alive: MapStep[] = [];
  return steps.map((step) => {
    if (step.do === 'map') alive = [...alive, step];
    if (step.do === 'unmap') alive = alive.filter(({ mapping }) => mapping !== step.mapping);
    return alive;
  });
}

test('one seed gives one sequence, and another seed another one', () => {
  expect(Planner.plan(drawSequence(5), width)).toEqual(plans[5]);
  expect(new Set(plans.map((steps) => steps.map(({ do: what }) => what).join())).size).toBe(seeds.length);
});

test('a step has all that it needs before it, and names are given once', () => {
  expect(plans.flatMap(problemsOf)).toEqual([]);
});

test('mappings lie in their buffers, and those alive have device addresses of their own', () => {
  expect(plans.flatMap(misplaced)).toEqual([]);
  expect(plans.flatMap(aliveAt).filter((alive) => alive.length > limits.alive)).toEqual([]);
  expect(plans.flatMap(aliveAt).flatMap(clashing)).toEqual([]);
});

function misplaced(steps: readonly Step[]): MapStep[] {
  const pages = new Map(steps.flatMap((step) => (step.do === 'alloc' ? [[step.buffer, step.pages]] : [])));
  return steps.filter(
    (step) =>
      step.do === 'map' && !(step.pages > 0 && step.first + step.pages <= (pages.get(step.buffer) ?? 0)),
  ) as MapStep[];
}

/** Mappings whose device addresses are another's, too, or that may not be. */
function clashing(alive: readonly MapStep[]): MapStep[] {
  const sorted = alive.toSorted((a, b) => ((a.iova ?? 0n) < (b.iova ?? 0n) ? -1 : 1));
  return sorted.filter(({ iova = 0n, pages }, index) => {
    const end = iova + BigInt(pages) * pageSize;
    const isInWindow = end > 0xfee0_0000n && iova < 0xfef0_0000n;
    return isInWindow || iova <= 0n || end > width || end > (sorted[index + 1]?.iova ?? width);
  });
}

/** What no spec by hand had, or few. */
const situations: Readonly<Record<string, (steps: readonly Step[]) => boolean>> = {
  'nine mappings alive': (steps) => aliveAt(steps).some(({ length }) => length >= 9),
  'thirty mappings alive': (steps) => aliveAt(steps).some(({ length }) => length >= 30),
  'by a second thread': maps(({ thread }) => thread),
  'by a child, of its own memory': maps((map, owner) => map.process !== 'parent' && map.process === owner),
  'by a child, of inherited memory': maps((map, owner) => map.process !== 'parent' && owner === 'parent'),
  'for a device that may only read': maps(({ write }) => !write),
  'of part of a buffer': maps(({ first }) => first > 0),
  'of more than a table of pages': maps(({ pages }) => pages > 512),
  'across 2 MiB of device addresses': maps(crosses(2n << 20n)),
  'across 1 GiB': maps(crosses(1n << 30n)),
  'across 4 GiB': maps(crosses(4n << 30n)),
  'up to 512 GiB': maps(({ iova = 0n, pages }) => iova + BigInt(pages) * pageSize === width),
  'at an address that was used before': (steps) => {
    const iovas = steps.flatMap((step) => (step.do === 'map' ? [step.iova] : []));
    return new Set(iovas).size < iovas.length;
  },
};

function maps(is: (map: MapStep, owner: string | undefined) => boolean) {
  return (steps: readonly Step[]): boolean => {
    const owners = new Map<string, string>();
    for (const step of steps) if (step.do === 'alloc') owners.set(step.buffer, step.process);
    return steps.some((step) => step.do === 'map' && is(step, owners.get(step.buffer)));
  };
}

function crosses(boundary: bigint) {
  return ({ iova = 0n, pages }: MapStep): boolean =>
    iova / boundary !== (iova + BigInt(pages - 1) * pageSize) / boundary;
}

test('every situation comes up within a few seeds', () => {
  for (const [name, is] of Object.entries(situations)) {
    const share = plans.filter(is).length / plans.length;
    expect(share, name).toBeGreaterThan(0.05);
  }
  const kinds = new Set(plans.flat().flatMap((step) => (step.do === 'alloc' ? [step.kind] : [])));
  expect(kinds.size).toBe(7);
});
