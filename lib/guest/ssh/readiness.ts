import { budgetClock } from '../../host/budget/index.js';
import { readBanner } from './banner.js';
import { capture } from './capture.js';
import { unreachable } from './connection-options.js';
import type { SshConnections } from './connections.js';
import { tailOf } from './display.js';
import { GuestUnreachableError, type UnreachableReason } from './errors.js';

import { wrapCommand } from './remote-command.js';
import { waitForBanner } from './wait-for-banner.js';

export type Reachability =
  | { readonly answers: true; readonly milliseconds: number }
  | { readonly answers: false; readonly reason: UnreachableReason; readonly seen: string };

/** What waiting longer does not change. */
const FINAL: readonly UnreachableReason[] = [
  'permission denied',
  'host key mismatch',
  'not an ssh server',
  'client failed',
  'no shell',
  'VM stopped',
];

/**
 * One attempt to have the guest run `true`: banner, login, command. The connection that it makes is kept.
 *
 * @param budgetMs for all of it.
 * @throws the reason of the connection's signal, when that is aborted; nothing else.
 */
export async function probe(connection: SshConnections, budgetMs: number): Promise<Reachability> {
  const start = performance.now();
  const begin = budgetClock.now();
  const result = await readBanner(connection.options.endpoint, budgetMs, connection.options.signal);
  connection.options.signal.throwIfAborted();
  if ('reason' in result) return { answers: false, ...result };
  const answer = await answerWithin(connection, budgetMs - (budgetClock.now() - begin));
  return answer ?? { answers: true, milliseconds: performance.now() - start };
}

/**
 * Waits until the guest runs a command, with attempts that follow each other closely.
 *
 * @returns how long it took, in milliseconds.
 * @throws {GuestUnreachableError} the time is over, or what was seen does not get better by waiting; with what was seen last.
 * @throws the reason of the connection's signal, as soon as that is aborted.
 */
export async function waitUntilReady(connection: SshConnections, budgetMs: number): Promise<number> {
  const { endpoint, signal } = connection.options;
  const start = performance.now();
  const end = budgetClock.now() + budgetMs;
  const left = (): number => Math.max(0, end - budgetClock.now());
  for (;;) {
    const banner = await waitForBanner(endpoint, left(), signal);
    signal.throwIfAborted();
    const failure =
      'reason' in banner ? { ...banner, answers: false } : await answerWithin(connection, left());
    if (failure === undefined) return performance.now() - start;
    if (left() === 0 || FINAL.includes(failure.reason)) {
      const spent = `${failure.seen} (waited ${Math.round(performance.now() - start)} of ${budgetMs} ms)`;
      throw unreachable(connection.options, failure.reason, spent);
    }
  }
}

async function answerWithin(
  connection: SshConnections,
  budgetMs: number,
): Promise<Extract<Reachability, { answers: false }> | undefined> {
  const bound = { startTimeoutMs: budgetMs, timeoutMs: budgetMs, maxOutputBytes: 8192 };
  try {
    const { end, stderr } = await capture(connection, wrapCommand(['true']), { stdin: '', ...bound });
    if (end.kind === 'exited' && end.exitCode === 0) return undefined;
    const how = end.kind === 'exited' ? `exit code ${end.exitCode}` : end.kind;
    return {
      answers: false,
      reason: 'no answer in time',
      seen: `'true' ended with ${how}: ${tailOf(stderr)}`,
    };
  } catch (error) {
    if (error instanceof GuestUnreachableError)
      return { answers: false, reason: error.reason, seen: error.seen };
    throw error;
  }
}
