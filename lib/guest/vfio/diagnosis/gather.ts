import type { KernelChange } from '../../../change/index.js';
import { diffScans, isSync, scanSync, type ScanDiff } from '../../../paging/index.js';
import { type KernelLogEntry, pairClearings } from '../../kernel-log/index.js';
import type { DmaMapping } from '../mapping.js';
import type { VfioProcess } from '../process.js';
import type { Evidence } from './evidence.js';

/** Looks at a mapping from all sides; what lies in memory, while the VM stands still. */
export async function gatherEvidence(
  mapping: DmaMapping,
  change: KernelChange,
  entries: Iterable<KernelLogEntry>,
): Promise<Evidence> {
  const { process, lookBefore, lookAfter } = mapping;
  const { memory } = process.host;
  const seen = await process.host.machine.paused(async () => ({
    after: await mapping.entries(),
    changesSince: diffScans(lookAfter.space, await process.scan()),
    // Some hundred tables: a monitor takes a millisecond or two for each.
    kernelHalf: isSync(memory) ? scanSync(memory, process.space, { range: 'kernel' }) : undefined,
    walk: await mapping.walk(),
    device: await mapping.deviceTables(),
  }));
  const changes = diffScans(lookBefore.space, lookAfter.space);
  const log = pairClearings(entries, change);
  const othersChanges = new Map<VfioProcess, ScanDiff>();
  for (const [other, after] of lookAfter.others) {
    const before = lookBefore.others.get(other);
    if (before) othersChanges.set(other, diffScans(before, after));
  }
  return { mapping, change, ...seen, changes, othersChanges, log, made: process.host.mappings };
}
