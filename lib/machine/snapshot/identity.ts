import { createHash } from 'node:crypto';
import { open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import type { LaunchPlan } from '../plan/launch-plan.js';

/** Changes when what the harness does to a machine before it is snapshot, or how it restores one, changes. */
const formatVersion = 1;

/**
 * What a snapshot is a snapshot of: everything that shapes the machine's state. Two plans with the same identity may share one;
 * a plan that differs in anything, the QEMU binary and the content of every file that it names included, may not.
 */
export async function snapshotIdentity(plan: LaunchPlan, qemu: string): Promise<string> {
  const files = [
    qemu,
    plan.script,
    ...Object.values(plan.environment).filter((value) => path.isAbsolute(value)),
  ];
  const fingerprints = await Promise.all(files.map(fileFingerprint));
  const { memory, vcpus, environment } = plan;
  const shape = {
    formatVersion,
    memory,
    vcpus,
    environment: Object.entries(environment).sort(),
    fingerprints,
  };
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 16);
}

/** Path, size and time of change: a binary that a package update replaced has another. */
async function fileFingerprint(file: string): Promise<string> {
  const real = await realpath(file);
  const { size, mtimeMs } = await stat(real);
  return `${real} ${size} ${mtimeMs}`;
}

/** SHA-256 of a file, holes read as the zeros that they are. */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file);
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) {
      hash.update(chunk as Buffer);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}
