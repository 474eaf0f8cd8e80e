/** The kinds of memory that a generated sequence maps. */
export const kinds = [
  'anonymous',
  'shared',
  'memfd',
  'file',
  // Anonymous memory that was only read so far: the zero page at every address.
  'read',
  // A transparent huge page whose 511 first pages have entries of their own.
  'split',
  'hugetlb',
] as const;
export type Kind = (typeof kinds)[number];

/** A process of a sequence, by its name in the printed spec: `parent`, or `child1` and so on, forked by it. */
export type ProcessName = string;

export interface Alloc {
  readonly do: 'alloc';
  /** `buffer1`. */
  readonly buffer: string;
  readonly process: ProcessName;
  readonly kind: Kind;
  /** Those that can be mapped. */
  readonly pages: number;
  /** Whether each page is written to, with a value of its own. */
  readonly filled: boolean;
}

export interface Fork {
  readonly do: 'fork';
  readonly child: ProcessName;
}

export interface MapStep {
  readonly do: 'map';
  /** `mapping1`. */
  readonly mapping: string;
  readonly process: ProcessName;
  /** By a second thread of the process. */
  readonly thread: boolean;
  /** Of the process, or of its parent before it was forked. */
  readonly buffer: string;
  /** The part of the buffer. */
  readonly first: number;
  readonly pages: number;
  /** Undefined: wherever there is room. */
  readonly iova: bigint | undefined;
  /** Whether the device may write. */
  readonly write: boolean;
}

export interface Unmap {
  readonly do: 'unmap';
  readonly mapping: string;
}

/** One step of a sequence, with all that it needs named. */
export type Step = Alloc | Fork | MapStep | Unmap;

/** What a step needs to have happened: names of buffers, children and mappings. */
export function needsOf(step: Step): string[] {
  switch (step.do) {
    case 'alloc':
      return [step.process];
    case 'fork':
      return [];
    case 'map':
      return [step.process, step.buffer];
    case 'unmap':
      return [step.mapping];
  }
}

/** What others may need of a step. */
export function nameOf(step: Step): string | undefined {
  switch (step.do) {
    case 'alloc':
      return step.buffer;
    case 'fork':
      return step.child;
    case 'map':
      return step.mapping;
    case 'unmap':
      return undefined;
  }
}

/** Steps that lack something before them, or that map memory which their process does not have, or give a name once more. */
export function problemsOf(steps: readonly Step[]): Step[] {
  const names = new Set<string | undefined>(['parent']);
  /** `process buffer`. */
  const held = new Set<string>();
  return steps.filter((step) => {
    const name = nameOf(step);
    const isHeld = step.do !== 'map' || held.has(`${step.process} ${step.buffer}`);
    const isRight =
      isHeld && needsOf(step).every((need) => names.has(need)) && (name === undefined || !names.has(name));
    names.add(name);
    if (step.do === 'alloc') held.add(`${step.process} ${step.buffer}`);
    if (step.do === 'fork')
      for (const each of [...held])
        if (each.startsWith('parent ')) held.add(each.replace('parent', step.child));
    return !isRight;
  });
}
