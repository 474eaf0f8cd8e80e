import { type Alloc, type MapStep, nameOf, needsOf, problemsOf, type Step } from './steps.js';

/** What became of a sequence: undefined if all was well, else what failed, after which steps. */
export interface Failed {
  readonly steps: readonly Step[];
}

/**
 * Makes a failing sequence shorter, and its steps simpler, as long as it still fails.
 *
 * @param retry does a sequence; undefined where it does not fail, or not in the same way
 * @param isOver whether no time is left: what was found so far is the result then
 */
export async function shrink<T extends Failed>(
  failed: T,
  retry: (steps: readonly Step[]) => Promise<T | undefined>,
  isOver: () => boolean,
): Promise<T> {
  let shortest = failed;
  const tries = async (steps: readonly Step[]): Promise<boolean> => {
    if (isOver() || steps.length === 0 || isSame(steps, shortest.steps)) return false;
    if (problemsOf(steps).length > 0) return false;
    const again = await retry(steps);
    if (again) shortest = again;
    return again !== undefined;
  };
  await tries(needed(shortest.steps, shortest.steps.slice(-1)));
  for (let before = ''; before !== textOf(shortest.steps) && !isOver();) {
    before = textOf(shortest.steps);
    await tries(simplest(shortest.steps));
    for (let length = Math.ceil(shortest.steps.length / 2); length >= 1; length = Math.floor(length / 2)) {
      for (let end = shortest.steps.length; end > 0; end -= length) {
        const { steps } = shortest;
        const gone = steps.slice(Math.max(0, end - length), end);
        await tries(without(steps, gone));
        end = Math.min(end, shortest.steps.length);
      }
    }
    for (let index = 0; index < shortest.steps.length; index += 1) await simplify(index);
  }
  return shortest;

  async function simplify(index: number): Promise<void> {
    const memory = shortest.steps[index];
    if (memory?.do === 'alloc' && memory.process !== 'parent') await tries(ofParent(shortest.steps, memory));
    for (const change of changes) {
      const { steps } = shortest;
      const step = steps[index];
      const simpler = step && change(step, steps);
      if (simpler) await tries(fitted(steps.map((each) => (each === step ? simpler : each))));
    }
  }
}

/** The steps without some, and without those that need one of them. */
function without(steps: readonly Step[], gone: readonly Step[]): Step[] {
  const names = new Set(gone.map(nameOf));
  return steps.filter((step) => {
    const isLeft = !gone.includes(step) && !needsOf(step).some((name) => names.has(name));
    if (!isLeft) names.add(nameOf(step));
    return isLeft;
  });
}

/** Some of the steps, and all that they need. */
function needed(steps: readonly Step[], some: readonly Step[]): Step[] {
  const names = new Set(some.flatMap(needsOf));
  const left = steps.toReversed().filter((step) => {
    const name = nameOf(step);
    const isNeeded = some.includes(step) || (name !== undefined && names.has(name));
    if (isNeeded) for (const each of needsOf(step)) names.add(each);
    return isNeeded;
  });
  return left.toReversed();
}

/** All mappings of one page of one buffer, made by one process. */
function simplest(steps: readonly Step[]): Step[] {
  const buffer: Alloc = plain({ ...firstAlloc(steps), process: 'parent', pages: 1 });
  return [
    buffer,
    ...steps
      .filter((step) => step.do === 'map' || step.do === 'unmap')
      .map((step) =>
        step.do === 'unmap' ? step : { ...easy(step), buffer: buffer.buffer, process: 'parent', pages: 1 },
      ),
  ];
}

function firstAlloc(steps: readonly Step[]): Alloc {
  const found = steps.find((step) => step.do === 'alloc');
  return (
    found ?? { do: 'alloc', buffer: 'buffer1', process: 'parent', kind: 'anonymous', pages: 1, filled: false }
  );
}

const plain = (alloc: Alloc): Alloc => ({ ...alloc, kind: 'anonymous', filled: false });
const easy = (map: MapStep): MapStep => ({ ...map, first: 0, iova: undefined, write: true, thread: false });

/** A child's memory, and the mappings of it, as the parent's. */
function ofParent(steps: readonly Step[], memory: Alloc): Step[] {
  return steps.map((step) =>
    (step.do === 'alloc' || step.do === 'map') && step.buffer === memory.buffer
      ? { ...step, process: 'parent' }
      : step,
  );
}

/** What makes a step simpler, one thing at a time; undefined where there is nothing to simplify. */
const changes: readonly ((step: Step, steps: readonly Step[]) => Step | undefined)[] = [
  (step) => (step.do === 'alloc' && step.kind !== 'anonymous' ? plain(step) : undefined),
  (step) => (step.do === 'alloc' && step.filled ? { ...step, filled: false } : undefined),
  ...[1, 2].map(
    (pages) => (step: Step) =>
      step.do === 'alloc' && step.pages > pages && !isHuge(step) ? { ...step, pages } : undefined,
  ),
  (step) =>
    step.do === 'alloc' && step.pages > 3 && !isHuge(step)
      ? { ...step, pages: Math.ceil(step.pages / 2) }
      : undefined,
  (step) => (step.do === 'map' && step.process !== 'parent' ? { ...step, process: 'parent' } : undefined),
  (step, steps) => {
    const { buffer } = firstAlloc(steps);
    return step.do === 'map' && step.buffer !== buffer ? { ...step, buffer } : undefined;
  },
  (step) => (step.do === 'map' ? easy(step) : undefined),
  (step) => (step.do === 'map' && step.iova !== undefined ? { ...step, iova: undefined } : undefined),
  (step) => (step.do === 'map' && !step.write ? { ...step, write: true } : undefined),
  (step) => (step.do === 'map' && step.thread ? { ...step, thread: false } : undefined),
  ...[1, 2].map(
    (pages) => (step: Step) => (step.do === 'map' && step.pages > pages ? { ...step, pages } : undefined),
  ),
];

function isHuge({ kind }: Alloc): boolean {
  return kind === 'hugetlb' || kind === 'split';
}

/** Mappings of a buffer that has become smaller are of what is left. */
function fitted(steps: readonly Step[]): Step[] {
  const pages = new Map<string, number>();
  return steps.map((step) => {
    if (step.do === 'alloc') pages.set(step.buffer, step.pages);
    if (step.do !== 'map') return step;
    const all = pages.get(step.buffer) ?? step.pages;
    if (step.first + step.pages <= all) return step;
    return { ...step, first: 0, pages: Math.min(step.pages, all) };
  });
}

function isSame(a: readonly Step[], b: readonly Step[]): boolean {
  return textOf(a) === textOf(b);
}

function textOf(steps: readonly Step[]): string {
  return JSON.stringify(steps, (_, value: unknown) =>
    typeof value === 'bigint' ? `0x${value.toString(16)}` : value,
  );
}
