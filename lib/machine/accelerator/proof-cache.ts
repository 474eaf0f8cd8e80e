import { execa } from 'execa';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ownHelper } from '../ownership/index.js';
import type { ProofMachine } from './prove.js';

/**
 * The file that stands for a success: its name is made of all that the success depends on, the host's boot first, as a reboot may
 * change kernel, firmware and microcode. Failures are not kept: they are cheap to see again, or were a busy host's.
 */
export async function proofFile(cacheFolder: string, machine: ProofMachine): Promise<string> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const version = await ownHelper((env) => execa(machine.qemu, ['--version'], { env, timeout: 60_000 }));
  const parts = [
    boot,
    version.stdout,
    machine.qemu,
    machine.machine,
    machine.cpu,
    ...(machine.extraArguments ?? []),
  ];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return join(cacheFolder, 'accelerator', `kvm-${digest.slice(0, 32)}`);
}

export async function isProven(file: string): Promise<boolean> {
  try {
    await readFile(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

export async function rememberProof(file: string, machine: ProofMachine): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${JSON.stringify(machine)}\n`);
  await rename(draft, file);
}
