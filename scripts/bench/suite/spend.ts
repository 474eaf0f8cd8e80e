import type { MachineStart, RanTest, Step, SuiteRun } from './model.js';

/** Milliseconds of workers' time by what they went into. */
export type Spent = ReadonlyMap<string, number>;

/** What a test's time went into: its machines' starts, its other fixtures, its body, what is collected of it. */
export function spentByTest(test: RanTest): Spent {
  const spent = new Map<string, number>();
  const [before, after] = ['Before Hooks', 'After Hooks'].map((title) =>
    test.steps.find((step) => step.title === title),
  );
  const starts = test.machines.flatMap(stagesOf);
  for (const { what, ms } of starts) add(spent, what, ms);
  const bodyBegin = before ? endOf(before) : test.start;
  // The launch's step holds the stages; a test that launches by itself does so in its body.
  const inBefore = sum(
    starts.filter(({ at }) => at < bodyBegin),
    ({ ms }) => ms,
  );
  if (before) add(spent, 'fixtures', before.ms - inBefore);
  const bodyEnd = after?.start ?? test.start + test.ms;
  add(spent, 'body', Math.max(0, bodyEnd - bodyBegin - (sum(starts, ({ ms }) => ms) - inBefore)));
  for (const fixture of after?.steps ?? []) addTeardown(spent, fixture);
  const told = sum(after?.steps ?? [], ({ ms }) => ms);
  add(spent, 'hooks', (after?.ms ?? 0) - told);
  return spent;
}

/** Of a fixture that attaches, each attachment has the time since the one before it. */
function addTeardown(spent: Map<string, number>, fixture: Step): void {
  const attachments = fixture.steps.filter(({ category }) => category === 'test.attach');
  let last = fixture.start;
  for (const each of attachments) {
    const name = each.title.replace(/^Attach "(.*)"$/, '$1').replace(/-\d+(?=\.)/, '');
    add(spent, `evidence: ${name}`, endOf(each) - last);
    last = endOf(each);
  }
  add(spent, `end of ${fixture.title.replace(/^Fixture "(.*)"$/, '$1')}`, endOf(fixture) - last);
}

function stagesOf({ beganAt, stages }: MachineStart): { what: string; at: number; ms: number }[] {
  const isRestore = stages.some(({ name }) => name === 'restored');
  return stages.map(({ name, atMs }, index) => {
    const from = stages[index - 1]?.atMs ?? 0;
    const what = name === 'ssh' ? 'connect' : isRestore ? 'restore' : 'boot';
    return { what, at: beganAt + from, ms: atMs - from };
  });
}

/** What all workers' time went into, from Playwright's start to its end: of as many workers as there are at once. */
export function spentByRun({ started, began, ended, exited, workers, tests }: SuiteRun): Spent {
  const spent = new Map<string, number>();
  for (const test of tests) for (const [what, ms] of spentByTest(test)) add(spent, what, ms);
  add(spent, 'run: before the first test', (began - started) * workers);
  add(spent, 'run: after the last test', (exited - ended) * workers);
  for (let slot = 0; slot < workers; slot += 1) {
    const own = tests.filter((test) => test.slot === slot).sort((a, b) => a.start - b.start);
    let last = { worker: -1, end: began };
    for (const test of own) {
      const kind = test.worker === last.worker ? 'between tests' : 'worker start';
      add(spent, kind, Math.max(0, test.start - last.end));
      last = { worker: test.worker, end: Math.max(test.start + test.ms, ...test.steps.map(endOf)) };
    }
    add(spent, 'idle', Math.max(0, ended - last.end));
  }
  return spent;
}

function endOf({ start, ms }: Step): number {
  return start + ms;
}

function add(spent: Map<string, number>, what: string, ms: number): void {
  spent.set(what, (spent.get(what) ?? 0) + ms);
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
