import { writeFileSync } from 'node:fs';

import type { FullConfig, Reporter, TestCase, TestResult, TestStep } from '@playwright/test/reporter';

import type { MachineFacts } from '../../../fixtures/evidence/machine-facts.js';
import { jsonOf } from '../../../fixtures/reporters/attachment.js';
import type { RanTest, Step } from './model.js';

/** Writes where the time of each test went, as `RanTest`s with the run's begin and end, to `SUITE_STEPS_FILE`. */
export default class StepsReporter implements Reporter {
  readonly #tests: RanTest[] = [];
  #began = 0;
  #workers = 1;

  printsToStdio(): boolean {
    return false;
  }

  onBegin({ workers }: FullConfig): void {
    this.#began = Date.now();
    this.#workers = workers;
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.workerIndex < 0) return;
    this.#tests.push({
      project: test.parent.project()?.name ?? '',
      title: test.titlePath().slice(2).join(' › '),
      slot: result.parallelIndex,
      worker: result.workerIndex,
      start: result.startTime.getTime(),
      ms: result.duration,
      steps: result.steps.map(stepOf),
      machines: jsonOf<MachineFacts>(result, 'machine.json').flatMap(({ beganAt, stages = [] }) =>
        beganAt === undefined ? [] : [{ beganAt, stages }],
      ),
    });
  }

  onEnd(): void {
    const { SUITE_STEPS_FILE: file = 'steps.json' } = process.env;
    const run = { began: this.#began, ended: Date.now(), workers: this.#workers, tests: this.#tests };
    writeFileSync(file, JSON.stringify(run));
  }
}

function stepOf({ title, category, startTime, duration, steps }: TestStep): Step {
  return {
    title,
    category,
    start: startTime.getTime(),
    ms: Math.max(0, duration),
    steps: steps.map(stepOf),
  };
}
