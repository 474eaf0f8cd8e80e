import type { Machine } from '../machine/machine.js';
import { connectMonitor, type VmStatus } from '../monitor/index.js';

/** For a look through a connection of its own. */
const connectMs = 500;

/**
 * How a machine stands still, as QEMU says it (`VM status: paused`); undefined while it runs, at a debugger's breakpoint (whoever set it
 * decides how long), and where it cannot be told.
 */
export async function standstillOf(machine: Machine): Promise<string | undefined> {
  if (machine.died.aborted) return undefined;
  try {
    if (!machine.has('monitor') || !machine.monitor.closed) return wordsOf(await machine.status());
    // Somebody has taken the monitor to himself and may have given it back: it takes one client at a time.
    await using monitor = await connectMonitor({ port: machine.ports.monitor, deadlineMs: connectMs });
    return wordsOf(await monitor.infoStatus());
  } catch {
    return undefined;
  }
}

function wordsOf({ running, state }: VmStatus): string | undefined {
  return running || state === 'debug' ? undefined : `VM status: ${state}`;
}
