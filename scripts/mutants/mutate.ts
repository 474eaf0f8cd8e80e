/** A change of the driver's source that makes another driver of it. */
export interface Mutant {
  /** The fault that switches it on: `mutant-7`. */
  readonly name: string;
  /** Says which it is also after the source has changed elsewhere: `vfio_clear_user_table: n++ removed`. */
  readonly title: string;
}

export interface Mutated {
  /** The source with every mutant in it, each behind a fault of its own (images/reference/faults). */
  readonly source: string;
  readonly mutants: readonly Mutant[];
}

/** Something to be put around a piece of the source, and what that does to it. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly what: string;
  readonly around: (on: string) => readonly [before: string, after: string];
}

/** What is put into the source where it reads its faults. */
const include = '#include "vfio_e2e_fault.h"\n';

/**
 * Mutates the code that a patch adds to a C source: statements are removed, conditions negated, their operands left out, bounds moved by one,
 * constants and fields exchanged. What is there stays and is what runs, unless a mutant's fault is set: all are in one build.
 *
 * @param source as the patch left it; later patches may have changed it again
 * @param patch unified diff
 */
export function mutate(source: string, patch: string): Mutated {
  const code = blank(source);
  const added = new Set(patch.split('\n').flatMap((line) => /^\+(.*)/.exec(line)?.slice(1) ?? []));
  const edits = places(code, patch)
    .flatMap(([from, to]) => editsOf(code, from, to))
    .filter(({ from, to }) => linesAt(source, from, to).every((line) => added.has(line)))
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const titles = new Map<string, number>();
  const mutants = edits.map(({ from, to, what }, index) => {
    const text = source.slice(from, to).replace(/\s+/g, ' ');
    const title = `${functionAt(code, from)}: ${text} ${what}`;
    const count = (titles.get(title) ?? 0) + 1;
    titles.set(title, count);
    return { name: `mutant-${index + 1}`, title: count > 1 ? `${title} (${count})` : title };
  });
  const insertions = edits.flatMap(({ from, to, around }, index) => {
    const [before, after] = around(`e2e(E2E_MUTANT_${index + 1})`);
    return [
      { at: from, text: before, order: index },
      // What began last ends first, and ends before the next begins.
      { at: to, text: after, order: -1 - index },
    ];
  });
  insertions.sort((a, b) => a.at - b.at || a.order - b.order);
  let mutated = '';
  let done = 0;
  for (const { at, text } of insertions) {
    mutated += source.slice(done, at) + text;
    done = at;
  }
  mutated += source.slice(done);
  const list = mutants.map(({ name }, index) => ` FAULT(MUTANT_${index + 1}, "${name}")`).join('');
  return { source: mutated.replace(include, `#define E2E_MORE_FAULTS(FAULT)${list}\n${include}`), mutants };
}

/** The source with spaces for comments and strings: as long as it was. */
function blank(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"/g, (text) => text.replace(/[^\n]/g, ' '));
}

/** Where the code is that the patch adds: the functions that it defines whole, and the lines that it adds to others. */
function places(code: string, patch: string): [from: number, to: number][] {
  const runs = [...patch.matchAll(/(?:^\+.*\n)+/gm)].map(([run]) => blank(run.replace(/^\+/gm, '')));
  const definition = /^(?:static|int|void)\b[^;={}]*?\b(\w+)\([^;{}]*\)\n\{/gm;
  const functions = runs.flatMap((run) => [...run.matchAll(definition)].map(([, name]) => name ?? ''));
  const whole = functions.map((name): [number, number] => {
    const start = new RegExp(`^\\w[^;={}]*\\b${name}\\([^;{}]*\\)\\n\\{`, 'm').exec(code);
    if (!start) throw new RangeError(`The source has no function ${name}, which the patch adds.`);
    return [start.index + start[0].length, code.indexOf('\n}', start.index)];
  });
  const lines = runs
    .filter((run) => !/^[{}]/m.test(run))
    .flatMap((run) => {
      const first = run.split('\n').find((line) => line.trim() !== '') ?? '';
      const from = code.indexOf(`\n${first}\n`);
      if (!first.startsWith('\t') || from < 0) return [];
      return [[from, from + run.trimStart().length + first.length] as [number, number]];
    });
  return [...whole, ...lines];
}

/** The lines of which a piece of the source is part. */
function linesAt(source: string, from: number, to: number): string[] {
  return source.slice(source.lastIndexOf('\n', from) + 1, source.indexOf('\n', to)).split('\n');
}

function functionAt(code: string, at: number): string {
  const definitions = [...code.slice(0, at).matchAll(/^\w[^;={}]*?\b(\w+)\([^;{}]*\)\n\{/gm)];
  return definitions.at(-1)?.[1] ?? '';
}

function editsOf(code: string, from: number, to: number): Edit[] {
  const text = code.slice(from, to);
  // What the pattern's group matches.
  const found = (pattern: RegExp, edit: (match: RegExpExecArray) => Omit<Edit, 'from' | 'to'>): Edit[] =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const [start, end] = match.indices?.[1] ?? [];
      return start === undefined || end === undefined
        ? []
        : [{ from: from + start, to: from + end, ...edit(match) }];
    });
  const instead = (other: string): Omit<Edit, 'from' | 'to'> => ({
    what: `is ${other}`,
    around: (on) => [`(${on} ? ${other} : `, ')'],
  });
  const removed: Omit<Edit, 'from' | 'to'> = {
    what: 'removed',
    around: (on) => [`{ if (!${on}) `, ' }'],
  };
  const statement =
    /^\s*((?!(?:return|if|for|while|do|else|goto|struct|spinlock_t)\b)[a-z_][\w\[\]>.-]*\s*(?:[-+|&]?=[^=]|\()[^;{}]*;)/dgm;
  const jump = /^\s*((?:return\b[^;]*|continue|break);)/dgm;
  return [
    ...found(statement, () => removed).filter((edit) => isBalanced(code.slice(edit.from, edit.to))),
    // The last is what every path comes to.
    ...found(jump, () => removed).filter((edit) => code.slice(edit.to, to).trim() !== ''),
    ...conditions(code, from, to),
    ...found(/\b(?:for \([^;]*;|while \()[^;{}]*? < ([^;]+?)(?:;|\)[;\s])/dg, () => ({
      what: 'is one more as a bound',
      around: (on) => ['', ` + ${on}`],
    })),
    ...found(/\b(_PAGE_PRESENT)\b/dg, () => instead('_PAGE_ACCESSED')),
    ...found(/\b(PAGE_SIZE)\b/dg, () => instead('2 * PAGE_SIZE')),
    ...found(/\b(PTRS_PER_PTE)\b/dg, () => instead('PTRS_PER_PTE / 2')),
    ...found(/(?:= |, )(\d)(?=[;)])/dg, ([, digit]) => instead(digit === '0' ? '1' : '0')),
    ...found(/\b(c->found)\b/dg, () => instead('c->left')),
    ...found(/\b(c->left)\b/dg, () => instead('c->found')),
  ];
}

/** Conditions are negated, and each of their operands is left out. */
function conditions(code: string, from: number, to: number): Edit[] {
  return [...code.slice(from, to).matchAll(/\b(?:if|while) \(/g)].flatMap(({ index, 0: head }) => {
    const start = from + index + head.length;
    const end = closing(code, start);
    const negated: Edit = {
      from: start,
      to: end,
      what: 'negated',
      around: (on) => ['!!(', `) != ${on}`],
    };
    return [negated, ...operands(code, start, end)];
  });
}

function operands(code: string, from: number, to: number): Edit[] {
  const at = [...code.slice(from, to).matchAll(/ ?(?:&&|\|\|)\s+/g)].filter(({ index }) =>
    isBalanced(code.slice(from, from + index)),
  );
  if (at.length === 0) return [];
  const isAnd = at[0]?.[0].includes('&&');
  const bounds = [0, ...at.flatMap(({ index, 0: { length } }) => [index, index + length]), to - from];
  return Array.from({ length: at.length + 1 }, (_, index) => ({
    from: from + (bounds[2 * index] ?? 0),
    to: from + (bounds[2 * index + 1] ?? 0),
    what: 'left out of the condition',
    around: (on) => (isAnd ? ['(', ` || ${on})`] : ['(', ` && !${on})`]),
  }));
}

/** Where the parenthesis is closed that was opened before `from`. */
function closing(code: string, from: number): number {
  let end = from;
  while (!code.startsWith(')', end) || !isBalanced(code.slice(from, end))) end += 1;
  return end;
}

function isBalanced(code: string): boolean {
  return (code.match(/\(/g) ?? []).length === (code.match(/\)/g) ?? []).length;
}
