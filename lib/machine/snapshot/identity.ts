import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { release } from 'node:os';

import type { LaunchPlan } from '../plan/launch-plan.js';
import { portPattern } from '../ports/index.js';
import { fileDigest } from './digest.js';

/** Changes when what the harness does to a machine before it is snapshot, or how it restores one, changes. */
export const snapshotFormat = 4;

/** A machine's ports are other ones each time, and shape nothing of its state. */
const noPorts = portPattern(0, 0);

/** What a snapshot is a snapshot of: plain data, which is kept beside it. */
export interface SnapshotSubject {
  readonly format: number;
  readonly workingFolder?: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute paths of the files whose content shapes the machine. */
  readonly files: readonly string[];
  /** The guest sees the host's own CPU (KVM with `-cpu host`): another host cannot continue what this one began. */
  readonly usesHostCpu: boolean;
}

/** Everything of a plan that shapes a machine's state. */
export function snapshotSubject(plan: LaunchPlan, usesHostCpu: boolean): SnapshotSubject {
  const { program, workingFolder, qemu, kernel, initrd } = plan;
  const { args, environment } = plan.invocation(plan, noPorts);
  return {
    format: snapshotFormat,
    ...(workingFolder === undefined ? {} : { workingFolder }),
    args,
    environment: { ...environment, ...plan.environment },
    files: [program, qemu, kernel, initrd].filter((file) => file !== undefined),
    usesHostCpu,
  };
}

/** Two subjects with one identity may share a snapshot; two that differ in anything, the content of a file included, have two. */
export async function snapshotIdentity(subject: SnapshotSubject): Promise<string> {
  const { format, workingFolder, args, environment, files, usesHostCpu } = subject;
  const shape = {
    ...{ format, workingFolder, args },
    environment: Object.entries(environment)
      .filter(([, value]) => value !== undefined)
      .sort(),
    content: await Promise.all(files.map(contentOf)),
    host: usesHostCpu ? await hostCpu() : undefined,
  };
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 16);
}

/** Files up to this size are told apart by their content, larger ones, a kernel of 65 MB, by size and time of change. */
const digestBytes = 32 << 20;

/** A digest holds as long as nobody touches the file; a worker asks for the same ones again and again. */
const digests = new Map<string, Promise<string>>();

async function contentOf(file: string): Promise<string> {
  const real = await realpath(file);
  const { size, mtimeMs, ctimeMs, ino } = await stat(real);
  if (size > digestBytes) return `${size} bytes of ${mtimeMs}`;
  const version = JSON.stringify([real, size, mtimeMs, ctimeMs, ino]);
  const known = digests.get(version) ?? fileDigest(real);
  digests.set(version, known);
  return await known;
}

/** What the guest of `-cpu host` sees of the host: the first CPU's model and flags, and the kernel whose KVM it is. */
export async function hostCpu(): Promise<string> {
  const [first = ''] = (await readFile('/proc/cpuinfo', 'utf8')).split('\n\n');
  const lines = first
    .split('\n')
    .filter((line) => /^(vendor_id|cpu family|model|stepping|flags)\b/.test(line));
  return [release(), ...lines].join('\n');
}
