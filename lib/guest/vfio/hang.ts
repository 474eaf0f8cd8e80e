import { AssertionError } from 'node:assert';
import { setTimeout as after } from 'node:timers/promises';

import { printable } from '../../text/index.js';
import type { GuestShell } from '../ssh/index.js';

/** How often it is looked at what a process does while its answer is awaited, in ms. */
const lookMs = 8_000;
/** For one look: a guest that does not answer even that is no evidence about one process. */
const lookBudgetMs = 5_000;
/** CPU time of the guest's in the kernel after which a call does not come back: for each, and for each page. A page takes some 0.1 ms under TCG. */
const busyMs = 10_000;
const busyMsPerPage = 2;
/** USER_HZ: /proc counts CPU time in hundredths of a second on x86. */
const tickMs = 10;

/** What reads neither the command line nor the memory map, which wait for a lock that the process may hold. */
const look =
  'for task in /proc/"$1"/task/*; do cat "$task/stat" && head -n 4 "$task/stack" 2> /dev/null; echo; done';

/** A process in the guest does not come back from the kernel. It is no InfrastructureError: that calls end is asserted of every driver. */
export class KernelHangsError extends AssertionError {
  constructor(message: string) {
    super({ message });
  }
}

interface Task {
  readonly id: string;
  /** A letter, as /proc/PID/stat has it (proc(5)): `D` sleeps and cannot be interrupted, `R` runs. */
  readonly state: string;
  /** In ticks: in user mode and in the kernel, and in the kernel. */
  readonly ticks: number;
  readonly kernelTicks: number;
  /** Its innermost functions in the kernel. */
  readonly stack: string;
}

/**
 * Waits for the answer of a guest process that is in the kernel, and looks at it now and then. Neither time on the host nor time in the guest
 * tells a hang from a slow machine, so that it is one only if a thread slept twice in the same place, not to be interrupted, without a tick
 * of CPU time between; or was in the kernel for 10 s of CPU time, and 2 ms for each page.
 *
 * @param op of the tool's, such as `map`
 * @param size of the memory that it is about, in bytes
 * @throws KernelHangsError
 */
export async function answerOrHang<T>(
  { guest }: { readonly guest: Pick<GuestShell, 'shell'> },
  pid: number,
  op: string,
  size: bigint,
  answer: Promise<T>,
  everyMs = lookMs,
): Promise<T> {
  // Faults that are met again and again are the kernel's time as well, and for how long is up to the spec.
  const mostMs = /^touch|^wait/.test(op) ? Infinity : busyMs + busyMsPerPage * Number(size >> 12n);
  const over = new AbortController();
  const settled = answer.finally(() => {
    over.abort();
  });
  settled.catch(() => undefined);
  const isOver = (): boolean => over.signal.aborted;
  const began = performance.now();
  let first: readonly Task[] = [];
  let before: readonly Task[] = [];
  for (;;) {
    await after(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
    if (isOver()) return await settled;
    const now = await tasksOf(guest, pid);
    if (first.length === 0) first = now;
    const [stuck] = now.filter((task) => isStuck(task, before, first, mostMs));
    before = now;
    if (!stuck) continue;
    if (isOver()) return await settled;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const state = stuck.state === 'D' ? 'it sleeps and cannot be interrupted' : 'it runs, all the time';
    throw new KernelHangsError(
      `Process ${pid} does not come back from the guest's kernel: it was asked to '${op}' ${seconds} s ago, and ${state}. ` +
        `Its innermost functions: ${printable(stuck.stack).slice(0, 300) || 'not told by the kernel'}. ` +
        'Look there for a lock that was not given back, or a loop without end.',
    );
  }
}

function isStuck(task: Task, before: readonly Task[], first: readonly Task[], mostMs: number): boolean {
  const last = before.find(({ id }) => id === task.id);
  if (task.state === 'D' && last?.state === 'D')
    return last.ticks === task.ticks && last.stack === task.stack;
  const start = first.find(({ id }) => id === task.id);
  return start !== undefined && (task.kernelTicks - start.kernelTicks) * tickMs >= mostMs;
}

/** None where the guest cannot say. */
async function tasksOf(guest: Pick<GuestShell, 'shell'>, pid: number): Promise<Task[]> {
  const output = await guest.shell(look, { timeoutMs: lookBudgetMs }, String(pid)).catch(() => undefined);
  return (output?.stdout ?? '').split('\n\n').flatMap((text) => {
    const [stat = '', ...stack] = text.trim().split('\n');
    // The name in parentheses may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, kernel] = [Number(fields[11]), Number(fields[12])];
    if (!Number.isInteger(user) || !Number.isInteger(kernel)) return [];
    const functions = stack.map((line) => line.replace(/^\[<.*?>\] /, '')).join(' < ');
    return [
      {
        id: stat.split(' ')[0] ?? '',
        state: fields[0] ?? '',
        ticks: user + kernel,
        kernelTicks: kernel,
        stack: functions,
      },
    ];
  });
}
