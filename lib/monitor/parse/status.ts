import { MonitorParseError } from '../errors.js';
import { contentLines, decimal } from './fields.js';

/** `info status`. */
export interface VmStatus {
  readonly running: boolean;
  /** QEMU's run state: `running`, `paused`, `prelaunch`, `inmigrate`, `postmigrate`, `shutdown`, `guest-panicked`, … */
  readonly state: string;
}

/** Parses `VM status: paused` or `VM status: paused (prelaunch)`. @throws MonitorParseError */
export function parseStatus(reply: string): VmStatus {
  const match = /^VM status: (running|paused)(?: \(single step mode\))?(?: \(([a-z-]+)\))?$/.exec(
    reply.trim(),
  );
  if (match?.[1] === undefined) throw new MonitorParseError('info status', 'no VM status', reply);
  return { running: match[1] === 'running', state: match[2] ?? match[1] };
}

/** One vCPU in `info cpus`. */
export interface CpuThread {
  readonly cpu: number;
  /** The thread in the QEMU process that runs this vCPU. */
  readonly threadId: number;
  /** Whether the monitor's commands act on this vCPU. */
  readonly selected: boolean;
}

/** Parses `* CPU #0: thread_id=6526`. @throws MonitorParseError */
export function parseCpus(reply: string): CpuThread[] {
  const cpus = contentLines(reply).map((line) => {
    const match = /^([* ]) CPU #(\d+):.*\bthread_id=(\d+)/.exec(line);
    if (match === null) throw new MonitorParseError('info cpus', 'not a line about a vCPU', line);
    return {
      cpu: decimal(match[2], 'info cpus', line),
      threadId: decimal(match[3], 'info cpus', line),
      selected: match[1] === '*',
    };
  });
  if (cpus.length === 0) throw new MonitorParseError('info cpus', 'there is no vCPU in it', reply);
  return cpus;
}
