import { nameOf, needsOf, type Step } from '../../../support/generated/steps.js';

/** Steps that lack something that should be there before them, or give a name once more. */
export function problems(steps: readonly Step[]): Step[] {
  const there = new Set<string | undefined>(['parent']);
  return steps.filter((step) => {
    const name = nameOf(step);
    const isRight =
      needsOf(step).every((need) => there.has(need)) && (name === undefined || !there.has(name));
    there.add(name);
    return !isRight;
  });
}
