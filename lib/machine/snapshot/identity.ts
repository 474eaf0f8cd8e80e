import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { release } from 'node:os';
import path from 'node:path';

import type { LaunchPlan } from '../plan/launch-plan.js';
import { fileDigest } from './digest.js';

/** Changes when what the harness does to a machine before it is snapshot, or how it restores one, changes. */
const formatVersion = 3;

/** What a snapshot is to be a snapshot of. */
export interface SnapshotSubject {
  readonly plan: LaunchPlan;
  /** Absolute path of the QEMU that the plan's script runs. */
  readonly qemu: string;
  /** The guest sees the host's own CPU (KVM with `-cpu host`): another host cannot continue what this one began. */
  readonly usesHostCpu: boolean;
}

/**
 * Stands for everything that shapes a machine's state: memory, vCPUs, the variables that tell the launch script accelerator, CPU,
 * kernel and kernel arguments, and the content of the script, of QEMU and of every file and folder that those variables name.
 * Two subjects with one identity may share a snapshot; two that differ in anything have two.
 */
export async function snapshotIdentity({ plan, qemu, usesHostCpu }: SnapshotSubject): Promise<string> {
  const { script, workingFolder, memory, vcpus, environment } = plan;
  const paths = [script, qemu, ...Object.values(environment).filter((value) => path.isAbsolute(value))];
  const shape = {
    formatVersion,
    workingFolder,
    memory,
    vcpus,
    environment: Object.entries(environment).sort(),
    content: await Promise.all(paths.map(contentOf)),
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
  const seen = await stat(real);
  const { size, mtimeMs, ctimeMs, ino } = seen;
  if (seen.isDirectory()) {
    const names = (await readdir(real)).sort();
    const contents = await Promise.all(names.map((name) => contentOf(path.join(real, name))));
    return names.map((name, index) => `${name}=${contents[index] ?? ''}`).join('\n');
  }
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
