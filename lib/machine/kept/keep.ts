import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { execa } from 'execa';

import { InfrastructureError } from '../../errors.js';
import { ownHelper } from '../ownership/index.js';
import type { Machine, WholeSnapshot } from '../machine.js';
import { qemuVersion } from '../qemu.js';
import { fileDigest } from '../snapshot/digest.js';
import { hostCpu } from '../snapshot/index.js';
import { keptFiles, keptFormat, type KeptManifest } from './manifest.js';

/** How the kept machine's guest is reached, and what it was kept for. */
export interface KeepOptions {
  readonly stack: string;
  readonly test: string;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile?: string;
}

/**
 * Stops the machine and packs it into `file`, a tar archive: RAM and devices' state, kernel and initramfs, the key to its guest. It stays
 * stopped.
 *
 * @throws InfrastructureError when it cannot be saved: a device that has no migration state, say, or a kind of machine without snapshots
 */
export async function keepMachine(
  machine: Machine,
  snapshot: WholeSnapshot,
  file: string,
  options: KeepOptions,
): Promise<void> {
  const { runFolder, title } = machine;
  const { plan } = snapshot;
  const folder = path.join(runFolder, 'kept');
  await mkdir(folder);
  const at = (name: string): string => path.join(folder, name);
  const { running } = await machine.status();
  const { kernel, initrd, shape } = plan;
  if (kernel === undefined || initrd === undefined || shape === undefined)
    throw new InfrastructureError(
      `${title}: what its launch script boots is not known, and a machine without it cannot go on elsewhere. Look at it in place: PWDEBUG=1.`,
    );
  const qemu = machine.commandLine[0];
  if (qemu === undefined)
    throw new InfrastructureError(`${title}: its QEMU has no command line. Look at it in place: PWDEBUG=1.`);
  // QEMU compresses the RAM in a process of its own meanwhile.
  const [state] = await Promise.all([
    machine.guard(snapshot.save()),
    pipeline(createReadStream(kernel), createGzip({ level: 1 }), createWriteStream(at(keptFiles.kernel))),
    symlink(initrd, at(keptFiles.initrd)),
    copyFile(options.identityFile, at(keptFiles.identity)),
    ...(options.knownHostsFile === undefined
      ? []
      : [copyFile(options.knownHostsFile, at(keptFiles.knownHosts))]),
  ]);
  await rename(state, at(keptFiles.state));
  const manifest: KeptManifest = {
    format: keptFormat,
    title,
    stack: options.stack,
    test: options.test,
    savedAt: new Date().toISOString(),
    qemu: await qemuVersion(qemu),
    script: await fileDigest(plan.program),
    ...(shape.accel === 'kvm' ? { hostCpu: await hostCpu() } : {}),
    running,
    ramFile: plan.ram !== undefined,
    memory: plan.memory,
    vcpus: plan.vcpus,
    shape,
    user: options.user,
  };
  await writeFile(at(keptFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  await ownHelper((env) =>
    // The manifest first: who opens it need not read through the RAM.
    execa('tar', ['-chf', file, '-C', folder, ...contents(options)], { env }),
  );
}

function contents({ knownHostsFile }: KeepOptions): string[] {
  const { knownHosts, manifest, ...others } = keptFiles;
  return [manifest, ...Object.values(others), ...(knownHostsFile === undefined ? [] : [knownHosts])];
}
