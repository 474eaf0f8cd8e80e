import { copyFile } from 'node:fs/promises';
import path from 'node:path';

import { InfrastructureError } from '../errors.js';
import type { Machine } from './machine.js';

/** In the machine's run folder, which is QEMU's own: what HMP would have to quote is kept out of the command. */
const name = 'vmcore';
/** Compressing takes a busy host some seconds for each GiB. */
const mostMs = 120_000;

/**
 * Writes the guest's memory and registers to a file for `crash` and drgn: kdump-compressed, with zlib, in makedumpfile's flattened form, as
 * QEMU writes it (`makedumpfile -R` rearranges it for what cannot read that).
 */
export async function dumpMemory({ monitor, runFolder }: Machine, file: string): Promise<void> {
  const reply = await monitor.command(`dump-guest-memory -z ${name}`, { timeoutMs: mostMs });
  if (reply.trim() !== '')
    throw new InfrastructureError(`QEMU did not dump the guest's memory: ${reply.trim()}`);
  await copyFile(path.join(runFolder, name), file);
}
