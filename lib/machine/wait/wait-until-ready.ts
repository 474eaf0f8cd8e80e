import { setTimeout as delay } from 'node:timers/promises';
import { budgetClock } from '../../host/budget/index.js';
import type { Console } from '../console/index.js';
import type { ProcessExit } from '../ownership/exit.js';
import { NotReadyError, type NotReadyReason, type ReachedStage } from './not-ready-error.js';
import type { WaitStrategy } from './strategy.js';

/** Whose readiness is awaited, and what ends the wait early. */
export interface WaitSubject {
  /** Begins the sentence "… was not ready", for example `The reference machine`. */
  readonly title: string;
  readonly console?: Console;
  /** The console's line from which on its text counts: `console.lineCount` before a reboot, say. Default: 0. */
  readonly since?: number;
  /** How the machine's process ends. */
  readonly exited?: Promise<ProcessExit>;
  /** What a dying kernel prints. `false` where a panic is what is waited for. Default: Linux's `Kernel panic - not syncing`. */
  readonly panic?: RegExp | false;
  /** The caller's own way to end the wait. */
  readonly signal?: AbortSignal;
  /** Told of each stage as soon as it is reached. */
  readonly onReached?: (stage: string) => void;
}

const linuxPanic = /Kernel panic - not syncing/;

/** What the process printed last is still in the pipe when its end is known: it is read for at most this long. */
const lastOutputMs = 500;

interface Ending {
  readonly reason: NotReadyReason;
  readonly strategy?: WaitStrategy;
  readonly cause?: unknown;
  /** What the budgets' clock says of the host. */
  readonly note?: string;
}

/**
 * Waits until `strategy` is fulfilled. The one place where readiness races against the end of the process, a kernel panic on
 * the console, each strategy's deadline and the caller's cancellation; the first of them decides. When it returns or throws,
 * nothing of the wait is left running.
 *
 * @throws NotReadyError
 */
export async function waitUntilReady(strategy: WaitStrategy, subject: WaitSubject): Promise<void> {
  const { console, since = 0, exited, panic = linuxPanic, signal } = subject;
  const begin = performance.now();
  const over = new AbortController();
  const reached: ReachedStage[] = [];
  const pending: WaitStrategy[] = [];
  let lastSeen: string | undefined;
  let exit: ProcessExit | undefined;
  let panicLine: string | undefined;

  let end!: (ending: Ending) => void;
  const ending = new Promise<Ending>((resolve) => (end = resolve));
  const timers = new Set<() => void>();

  const run = async (part: WaitStrategy): Promise<void> => {
    const cancel =
      part.budgetMs === undefined ? undefined : budgetClock.after(part.budgetMs, outOfTime(part));
    if (cancel) timers.add(cancel);
    pending.push(part);
    await part.until({ console, since, signal: over.signal, saw: (what) => (lastSeen = what), run });
    cancel?.();
    pending.splice(pending.indexOf(part), 1);
    if (!isLeaf(part)) return;
    reached.push({ stage: part.awaited, afterMs: performance.now() - begin });
    subject.onReached?.(part.awaited);
  };
  function outOfTime(part: WaitStrategy): (note: string) => void {
    return (note) => {
      end({ reason: 'deadline', strategy: part, note });
    };
  }

  const notePanic = (text: string): void => {
    if (panic === false || panicLine !== undefined || text.search(panic) === -1) return;
    panicLine = text;
    end({ reason: 'panic' });
  };
  // Whole lines only: what follows "not syncing" is the cause.
  for (const { text, complete } of console?.recent(since) ?? []) if (complete) notePanic(text);
  const stopListening = console?.onLine(({ text, complete }) => {
    if (complete) notePanic(text);
  });
  const cancel = (): void => {
    end({ reason: 'cancelled', cause: signal?.reason });
  };
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel);
  void exited?.then(async (how) => {
    exit = how;
    // A panic that is found in the last output is the better answer, and ends the wait by itself.
    const enough = delay(lastOutputMs, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([console?.ended(), enough]);
    end({ reason: 'exit' });
  });

  try {
    const ready = run(strategy).then(
      () => undefined,
      (cause: unknown): Ending => ({ reason: 'failed', cause }),
    );
    const bad = await Promise.race([ready, ending]);
    if (bad === undefined) return;
    const culprits = bad.strategy && isLeaf(bad.strategy) ? [bad.strategy] : pending.filter(isLeaf);
    throw new NotReadyError(
      {
        subject: subject.title,
        reason: bad.reason,
        awaited: culprits.map(({ awaited }) => awaited),
        budgetMs: (bad.strategy ?? culprits[0])?.budgetMs,
        elapsedMs: performance.now() - begin,
        reached,
        lastSeen,
        hostNote: bad.note ?? '',
        exit,
        panic: panicLine,
        consoleTail: console?.tail.map(({ text }) => text) ?? [],
        logFile: console?.logFile,
      },
      bad.cause === undefined ? undefined : { cause: bad.cause },
    );
  } finally {
    over.abort();
    stopListening?.();
    signal?.removeEventListener('abort', cancel);
    for (const cancel of timers) cancel();
  }
}

function isLeaf({ parts }: WaitStrategy): boolean {
  return parts === undefined;
}
