import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { Monitor } from '../../monitor/index.js';

export interface Resets {
  readonly resets: number;
  /** Under TCG QEMU says which resets a triple fault caused (target/i386/tcg/excp_helper.c); under KVM it does not know. */
  readonly tripleFaults: number;
  readonly windowMs: number;
}

/** A loop of resets makes several in this time; each writes some 3 KiB a vCPU to the log. */
const windowMs = 400;

/**
 * Counts the resets of a VM for a moment, with QEMU's own log (`log cpu_reset`), which is switched off again. A single reset of a
 * machine that boots is none to worry about.
 *
 * @param folder private to the machine
 */
export async function countResets(monitor: Monitor, folder: string, signal: AbortSignal): Promise<Resets> {
  const file = path.join(folder, 'resets.log');
  await monitor.command(`logfile ${file}`);
  await monitor.command('log cpu_reset');
  try {
    // Not a wait for something: the time over which resets are counted.
    await delay(windowMs, undefined, { signal });
  } finally {
    await monitor.command('log none');
  }
  const text = await readFile(file, 'latin1').catch(() => '');
  await rm(file, { force: true });
  return {
    // All vCPUs are reset together; the first one stands for the machine.
    resets: text.match(/^CPU Reset \(CPU 0\)/gm)?.length ?? 0,
    tripleFaults: text.match(/^Triple fault/gm)?.length ?? 0,
    windowMs,
  };
}
