import { readdirSync, readFileSync } from 'node:fs';

/** Processes that this one waits for, itself included. */
const waitedFor = new Set<number>([process.pid]);

/** Has budgets heed this process, too: what it has to wait for a CPU is not held against it. @returns ends that */
export function heedRunDelayOf(pid: number): () => void {
  waitedFor.add(pid);
  return () => waitedFor.delete(pid);
}

/**
 * For how long each thread of the processes in question has been ready to run and waited for a CPU, since its start, in ms: the second
 * field of /proc/PID/task/TID/schedstat, in ns (Linux, Documentation/scheduler/sched-stats.rst). Of a kernel without it: nothing.
 */
export function runDelays(): Map<string, number> {
  const delays = new Map<string, number>();
  for (const pid of waitedFor) {
    const folder = `/proc/${pid}/task`;
    for (const thread of orNone(() => readdirSync(folder)) ?? []) {
      const fields = orNone(() => readFileSync(`${folder}/${thread}/schedstat`, 'latin1'))?.split(' ');
      if (fields?.[1] !== undefined) delays.set(thread, Number(fields[1]) / 1e6);
    }
  }
  return delays;
}

/** Threads end while they are looked at. */
function orNone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
