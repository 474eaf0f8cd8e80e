import type { KernelChange } from '../../../change/index.js';
import { diffScans } from '../../../paging/index.js';
import { type KernelLogEntry, pairClearings } from '../../kernel-log/index.js';
import type { DmaMapping } from '../mapping.js';
import type { Evidence } from './evidence.js';

/** Looks at a mapping from all sides; what lies in memory, while the VM stands still. */
export async function gatherEvidence(
  mapping: DmaMapping,
  change: KernelChange,
  entries: Iterable<KernelLogEntry>,
): Promise<Evidence> {
  const { process, lookBefore, lookAfter } = mapping;
  const seen = await process.host.machine.paused(async () => ({
    after: await mapping.entries(),
    changesSince: diffScans(lookAfter.space, await process.scan()),
    walk: await mapping.walk(),
    device: await mapping.deviceTables(),
  }));
  const changes = diffScans(lookBefore.space, lookAfter.space);
  const log = pairClearings(entries, change);
  return { mapping, change, ...seen, changes, log, made: process.host.mappings };
}
