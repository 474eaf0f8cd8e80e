import { spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { dir } from 'tmp-promise';

import { cacheFolder, cacheSubfolder } from '../../lib/host/cache-folder.js';
import { startGeneratedRun } from '../bench/generated-run.js';
import { countProcesses, leftoversOf, tagVariable, tokensIn } from './leftovers.js';

export interface Round {
  /** From the runner's start to the kill, in milliseconds. */
  readonly killedAfterMs: number;
  /** Processes that the run had at that moment. */
  readonly processes: number;
  readonly qemus: number;
  /** What was left when patience ended. Empty is right. */
  readonly leftovers: readonly string[];
  /** From the kill until nothing was left, in milliseconds. The promise is 3,000 on a computer that is not overloaded. */
  readonly goneAfterMs: number;
  /** A process that has nothing to do with the run was alive afterwards. */
  readonly bystanderLives: boolean;
}

export interface RoundOptions {
  /** The kill comes at a random instant within this time of the runner's start, in milliseconds; or as soon as there is a VM. */
  readonly within: number | 'first VM';
  /** How long is waited for the last leftover to go, in milliseconds. */
  readonly patienceMs: number;
}

/** On the command line of a VM of the reference stack, and not on that of a QEMU which is asked for its version or tries KVM. */
const vmName = '-name opentdx-e2e-reference';

/**
 * Runs Playwright with two workers that restore a VM for each test, kills its whole process group with SIGKILL at a random instant
 * and says what is left of it.
 */
export async function killRound({ within, patienceMs }: RoundOptions): Promise<Round> {
  const tag = randomUUID();
  const folder = await dir({ unsafeCleanup: true });
  const temp = join(folder.path, 'tmp');
  const run = join(folder.path, 'run');
  await mkdir(temp);
  await mkdir(run);
  const bystander = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  try {
    // What Playwright has compiled is no run's own, and to compile it anew each time would take most of a round.
    const compiled = await cacheSubfolder(cacheFolder(process.env), 'compiled');
    const runner = await startGeneratedRun({
      ...{ folder: run, tests: 100, workers: 2 },
      environment: { TMPDIR: temp, PWTEST_CACHE_DIR: compiled, [tagVariable]: tag },
    });
    runner.stdout?.resume();
    runner.stderr?.resume();
    const ended = once(runner, 'exit');
    const began = performance.now();
    if (within !== 'first VM') await delay(randomInt(within));
    else while (countProcesses(tag, vmName) === 0) await delay(20);
    const killedAfterMs = performance.now() - began;
    const tokens = tokensIn(temp);
    const processes = countProcesses(tag);
    const qemus = countProcesses(tag, vmName);
    process.kill(-runner.pid, 'SIGKILL');
    const killed = performance.now();
    await ended;
    const left = (): string[] => leftoversOf({ tag, temp, tokens });
    let leftovers = left();
    while (leftovers.length > 0 && performance.now() - killed < patienceMs) {
      await delay(10);
      leftovers = left();
    }
    const goneAfterMs = performance.now() - killed;
    const bystanderLives = bystander.exitCode === null && bystander.signalCode === null;
    return { killedAfterMs, processes, qemus, leftovers, goneAfterMs, bystanderLives };
  } finally {
    bystander.kill('SIGKILL');
    await folder.cleanup();
  }
}
