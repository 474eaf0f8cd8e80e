import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { InfrastructureError } from '../../errors.js';
import { budgetClock } from '../../host/budget/index.js';
import { type Monitor, MonitorClosedError } from '../../monitor/index.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import { SnapshotRefusedError } from './refused-error.js';

/** The plan of a machine whose RAM is this new file, so that it can be snapshot. */
export function planForSnapshot(plan: LaunchPlan, ram: string): LaunchPlan {
  return { ...plan, ram: { file: ram, shared: true } };
}

/** The plan of a machine that maps this RAM file copy-on-write and waits for its devices' state. */
export function planForRestore(plan: LaunchPlan, ram: string): LaunchPlan {
  return { ...plan, ram: { file: ram, shared: false }, incoming: true };
}

/** The name under which the state lies in the machine's run folder: `exec:` hands it to a shell, which is to see no other path. */
export const stateName = 'state';

/** Devices' state without RAM is 0.3 MB. */
const migrationMs = 20_000;

/** QEMU leaves RAM out of the stream that another QEMU has as the same file (migration/ram.c, `ramblock_is_ignored`). */
const ignoreShared = 'migrate_set_capability x-ignore-shared on';

/** Stops the machine and writes its devices' state to the file `state` in its working folder. It stays stopped. */
export async function saveState(monitor: Monitor): Promise<void> {
  await monitor.stop();
  await quietly(monitor, ignoreShared);
  // Without -d the command returns when the migration is over, well or not.
  await quietly(monitor, `migrate "exec:cat > ${stateName}"`, migrationMs);
  const info = await monitor.command('info migrate');
  if (!/^Migration status: completed/m.test(info)) {
    throw new InfrastructureError(`QEMU did not save the machine's state. It says: ${info.trim()}`);
  }
}

/** RAM and devices' state, compressed, in the machine's run folder. */
export const wholeStateName = 'state.gz';
/** A busy host takes a second for each 50 MB that are not zero. */
const wholeMs = 120_000;

/**
 * Stops the machine and writes all of it, RAM included, to the file `state.gz` in its working folder, whose path it answers. It stays
 * stopped.
 *
 * A restored machine's RAM is its own copy of what it has written to, so that its RAM file would not do.
 */
export async function saveWhole(monitor: Monitor, runFolder: string): Promise<string> {
  const file = path.join(runFolder, wholeStateName);
  await monitor.stop();
  await quietly(monitor, 'migrate_set_capability x-ignore-shared off');
  // QEMU spares a network that isn't there: 128 MiB/s unless told otherwise.
  await quietly(monitor, 'migrate_set_parameter max-bandwidth 100G');
  // The name is there when all of it is written, and not before.
  const write = `gzip -1 > ${stateName}.part && mv ${stateName}.part ${wholeStateName}`;
  await quietly(monitor, `migrate -d "exec:${write}"`);
  const deadline = budgetClock.signal(wholeMs);
  for (;;) {
    const info = await monitor.command('info migrate');
    const status = /^Migration status: (\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (status === 'completed' && existsSync(file)) return file;
    if (!['completed', 'setup', 'active', 'device'].includes(status) || deadline.aborted) {
      throw new InfrastructureError(`QEMU did not save the whole machine. It says: ${info.trim()}`);
    }
    await delay(wholeIntervalMs);
  }
}

/** Each look at a migration costs a millisecond, and a line in the monitor's transcript. */
const wholeIntervalMs = 50;

/** Reads what `saveWhole` wrote, from the file `state.gz` in the machine's working folder. @throws as loadState */
export function loadWhole(monitor: Monitor): Promise<void> {
  return load(monitor, [`migrate_incoming "exec:gzip -dc ${wholeStateName}"`], wholeMs);
}

/**
 * Reads the devices' state from the file `state` in the machine's working folder. The machine stands still afterwards, as it did
 * when its state was saved.
 *
 * @throws SnapshotRefusedError when QEMU does not take it, or ends over it, which is what most versions do
 */
export function loadState(monitor: Monitor): Promise<void> {
  return load(monitor, [ignoreShared, `migrate_incoming "exec:cat ${stateName}"`], migrationMs);
}

async function load(monitor: Monitor, commands: readonly string[], mostMs: number): Promise<void> {
  try {
    for (const reply of await monitor.commands(commands)) {
      if (reply.trim() !== '') throw new SnapshotRefusedError(reply.trim());
    }
    const deadline = budgetClock.signal(mostMs);
    for (;;) {
      const { state } = await monitor.infoStatus();
      if (state === 'paused') return;
      if (state !== 'inmigrate' || deadline.aborted) {
        const info = await monitor.command('info migrate');
        throw new SnapshotRefusedError(`it is ${state}, and says: ${info.trim()}`);
      }
      await delay(statusIntervalMs);
    }
  } catch (error) {
    if (error instanceof MonitorClosedError && error.byPeer)
      throw new SnapshotRefusedError('it ended', { cause: error });
    throw error;
  }
}

/** The monitor has no event for the end of an incoming migration. */
const statusIntervalMs = 2;

/** For commands that print nothing when they succeed. */
async function quietly(monitor: Monitor, command: string, timeoutMs?: number): Promise<void> {
  const reply = await monitor.command(command, timeoutMs === undefined ? {} : { timeoutMs });
  if (reply.trim() !== '') throw new InfrastructureError(`QEMU refused '${command}': ${reply.trim()}`);
}
