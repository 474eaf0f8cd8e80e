import type { Machine } from '../machine/machine.js';
import { connectMonitor, type Monitor } from '../monitor/index.js';

/** For a look through a connection of its own. */
const connectMs = 500;

/**
 * How a machine stands still, as QEMU says it (`VM status: paused`); undefined while it runs, at a debugger's breakpoint (whoever set it
 * decides how long), and where it cannot be told.
 */
export async function standstillOf(machine: Machine): Promise<string | undefined> {
  if (machine.died.aborted) return undefined;
  try {
    if (!machine.monitor.closed) return await wordsOf(machine.monitor);
    // Somebody has taken the monitor to himself and may have given it back: it takes one client at a time.
    await using monitor = await connectMonitor({ port: machine.ports.monitor, deadlineMs: connectMs });
    return await wordsOf(monitor);
  } catch {
    return undefined;
  }
}

async function wordsOf(monitor: Monitor): Promise<string | undefined> {
  const { running, state } = await monitor.infoStatus();
  return running || state === 'debug' ? undefined : `VM status: ${state}`;
}
