import { existsSync } from 'node:fs';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { execa } from 'execa';

import { InfrastructureError } from '../../errors.js';
import { ownHelper } from '../ownership/index.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import { resumedReferencePlan } from '../plan/reference-plan.js';
import { qemuVersion } from '../qemu.js';
import { fileDigest } from '../snapshot/digest.js';
import { hostCpu } from '../snapshot/index.js';
import { keptFiles, type KeptManifest, parseManifest } from './manifest.js';

/** A kept machine, unpacked and found fit to be started here. */
export interface OpenedKept {
  readonly manifest: KeptManifest;
  readonly plan: LaunchPlan;
  /** The whole state, which is to lie in the machine's run folder when it is loaded. */
  readonly state: string;
  readonly identityFile: string;
  readonly knownHostsFile: string | undefined;
  /** Why the state may be refused all the same. */
  readonly doubt: string | undefined;
}

/**
 * Unpacks a kept machine into a folder and checks that it can be started here.
 *
 * @param qemu absolute path of the QEMU that is to run it
 * @throws InfrastructureError when it is none, or was saved by another QEMU or on another CPU
 */
export async function openKept(file: string, folder: string, qemu: string): Promise<OpenedKept> {
  const tar = (...args: readonly string[]): Promise<unknown> =>
    ownHelper((env) =>
      execa('tar', ['-xf', path.resolve(file), '-C', folder, '--no-same-owner', ...args], { env }),
    ).catch((error: unknown) => {
      const why = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      throw new InfrastructureError(
        `${file} is no kept machine: ${why.split('\n')[0] ?? ''}. A test that failed under E2E_KEEP=failed leaves one in its ` +
          "output folder, and as an attachment 'kept-machine.tar' in the report.",
        { cause: error },
      );
    });
  const at = (name: string): string => path.join(folder, name);
  // Before the RAM is unpacked it is to be known whether that makes sense.
  await tar('--occurrence=1', keptFiles.manifest);
  const manifest = parseManifest(await readFile(at(keptFiles.manifest), 'utf8'), file);
  await checkHost(manifest, file, qemu);
  await tar();
  await chmod(at(keptFiles.identity), 0o600);
  const kernel = at('kernel');
  await pipeline(createReadStream(at(keptFiles.kernel)), createGunzip(), createWriteStream(kernel));
  const plan = resumedReferencePlan({
    ...manifest,
    kernel,
    initrd: at(keptFiles.initrd),
    qemu,
    ram: manifest.ramFile ? at('ram') : undefined,
  });
  const sameScript = (await fileDigest(plan.program)) === manifest.script;
  return {
    manifest,
    plan,
    state: at(keptFiles.state),
    identityFile: at(keptFiles.identity),
    knownHostsFile: existsSync(at(keptFiles.knownHosts)) ? at(keptFiles.knownHosts) : undefined,
    doubt: sameScript
      ? undefined
      : `${path.basename(plan.program)} is not the one that it was launched with: check out the project as of ${manifest.savedAt}.`,
  };
}

/** Those that run on the reference launch script, with whatever kernel. */
const resumable = ['reference', 'hybrid'];

async function checkHost(manifest: KeptManifest, file: string, qemu: string): Promise<void> {
  if (!resumable.includes(manifest.stack)) {
    throw new InfrastructureError(
      `${file} is a machine of the ${manifest.stack} stack: only those of the stacks ${resumable.join(' and ')} can be resumed.`,
    );
  }
  const version = await qemuVersion(qemu);
  if (version !== manifest.qemu) {
    throw new InfrastructureError(
      `${file} was saved by QEMU ${manifest.qemu}, and ${qemu} is QEMU ${version}: a QEMU takes back only what the same one saved. ` +
        'Install that version, or name it by E2E_QEMU.',
    );
  }
  if (manifest.hostCpu !== undefined && manifest.hostCpu !== (await hostCpu())) {
    throw new InfrastructureError(
      `${file} was saved under KVM on another CPU or kernel (${manifest.hostCpu.split('\n')[0] ?? ''}), which its guest saw as its own: ` +
        'resume it on that computer.',
    );
  }
}
