import { setTimeout as delay } from 'node:timers/promises';
import { InfrastructureError } from '../../errors.js';
import type { ProcessExit } from './exit.js';
import { endProcesses, type Claim } from './processes.js';

export interface StopOptions {
  /** The gentle way, tried first, for example `quit` to a monitor. May fail. Its `signal` aborts when its time is up. */
  graceful?: (signal: AbortSignal) => Promise<unknown>;
  /** For the gentle way and for the process to end after it, in milliseconds. Default: 3,000. */
  gracefulMs?: number;
  /** For what is left to end after SIGTERM, in milliseconds. Default: 2,000. */
  termMs?: number;
  /** For what is left to end after SIGKILL, in milliseconds. Default: 2,000. */
  killMs?: number;
}

/** For a QEMU of root's to obey `quit`. */
const quitMs = 500;

export interface StopReport {
  readonly exit: ProcessExit;
  /** What ended the process: it had ended by itself, it was asked, or it was sent signals. */
  readonly by: 'itself' | 'request' | 'signal';
  /** Why the gentle way failed, if it did. */
  readonly problem?: unknown;
}

/** Something did not end although it was killed. */
export class ProcessNotEndedError extends InfrastructureError {
  override readonly name = 'ProcessNotEndedError';
}

interface Stoppable {
  readonly title: string;
  readonly exit: ProcessExit | undefined;
  readonly exited: Promise<ProcessExit>;
}

/**
 * Ends a process and everything that the claim covers: the gentle way, SIGTERM, SIGKILL, each within its budget.
 *
 * @throws ProcessNotEndedError when something outlives SIGKILL, or may not be killed by this user
 */
export async function stopProcess(
  target: Stoppable,
  claim: Claim,
  options: StopOptions,
): Promise<StopReport> {
  const { graceful, gracefulMs = 3_000, termMs = 2_000, killMs = 2_000 } = options;
  const endedBefore = hasEnded(target);
  const problem = graceful && !endedBefore ? await ask(graceful, target.exited, gracefulMs) : undefined;
  const by = endedBefore ? 'itself' : hasEnded(target) ? 'request' : 'signal';
  // Also after an orderly end: what the process started may still be there.
  const left = await endProcesses(claim, { quitMs, termMs, killMs });
  if (left.length > 0) {
    const pids = left.map(({ pid }) => pid).join(', ');
    throw new ProcessNotEndedError(
      `${target.title} was killed, yet process ${pids} is alive. It runs as another user and \`sudo -n kill\` is not allowed ` +
        `here, or it hangs in the kernel: see \`ps -o pid,user,stat,wchan,args -p ${pids}\`.`,
    );
  }
  return { exit: await target.exited, by, ...(problem === undefined ? {} : { problem }) };
}

function hasEnded({ exit }: Stoppable): boolean {
  return exit !== undefined;
}

/** A request that fails may have been heard: QEMU closes the monitor's connection when it obeys `quit`. */
const afterFailureMs = 300;

/** Answers why it did not work, if it did not. */
async function ask(
  graceful: (signal: AbortSignal) => Promise<unknown>,
  exited: Promise<ProcessExit>,
  budgetMs: number,
): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined);
  let problem: unknown;
  // An answer to the request is not the end yet: only `exited` is.
  const failure = new Promise<'late'>((resolve) => {
    graceful(signal).catch(async (error: unknown) => {
      problem = error;
      await pause(afterFailureMs);
      resolve('late');
    });
  });
  const outcome = await Promise.race([exited, failure, pause(budgetMs).then(() => 'late' as const)]);
  over.abort();
  if (outcome !== 'late') return undefined;
  return problem ?? new Error(`it did not end within ${budgetMs} ms of being asked`);
}
