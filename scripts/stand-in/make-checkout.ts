import { chmod, copyFile, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import type { Environment } from '../../fixtures/environment.js';
import { InfrastructureError } from '../../lib/errors.js';
import type { Progress } from '../../lib/image/progress.js';
import { referenceRecipe } from '../../lib/image/reference-image.js';
import { ensureStandInL1, type StandInL1 } from './l1-image.js';

export interface StandInOptions {
  /** Where the built parts are kept, and how. */
  readonly environment: Environment;
  readonly progress?: Progress;
  /**
   * What is in the place of the checkout's own QEMU: `tcg` the distribution's behind a script that turns `-enable-kvm -cpu host`
   * into TCG, so that the stand-in boots on any host; `as-is` the distribution's itself, which needs a KVM that works, as the
   * users' QEMU does. Default: `tcg`.
   */
  readonly qemu?: 'tcg' | 'as-is';
}

const template = path.join(import.meta.dirname, 'checkout');
const distributionQemu = '/usr/bin/qemu-system-x86_64';
const distributionBios = '/usr/share/seabios/bios-256k.bin';

/** Binaries of open-tdx that no launch without its hardware reads; the launch script hands them to QEMU, which wants the files. */
const seamFiles = [
  'seam-loader/seam-loader-main-1.5/np-seam-loader/seamldr_src/Projects/Server/Emr/Seamldr/output/ENG_TR_O1/EMR_NP_SEAMLDR_ENG_TR_O1.DBG.bin',
  'tdx-module/bin/debug/libtdx.so',
  'tdx-module/bin/debug/libtdx.so.sigstruct',
];

/** What the launch script shares with L1 and the stand-in has nothing in. */
const emptyShares = ['qemu-l1', 'kvm-l1', 'linux-l2', 'edk2'];

/**
 * Makes a stand-in for an open-tdx checkout in `folder`, which must be empty or not exist: the layout that open-tdx's launch script
 * expects, a launch script of this project's that does what that one is documented to do, and a guest that boots without special
 * hardware. Its L1 has VFIO with this project's patch, and no TDX.
 *
 * @throws InfrastructureError when the folder is not empty or the host lacks QEMU's files
 * @throws ImageBuildError when the guest cannot be built
 */
export async function makeStandInCheckout(folder: string, options: StandInOptions): Promise<void> {
  const { environment, progress = () => undefined, qemu = 'tcg' } = options;
  const root = path.resolve(folder);
  await mkdir(root, { recursive: true });
  if ((await readdir(root)).length > 0) {
    throw new InfrastructureError(`${root} is not empty: name a folder that is new or empty.`);
  }
  const l1 = await ensureStandInL1(environment, progress);

  const inRoot = async (file: string): Promise<string> => {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    return target;
  };
  await cp(path.join(template, 'launch-opentdx.sh'), await inRoot('launch-opentdx.sh'));
  const qemuEntry = await inRoot('qemu-l0/build/qemu-system-x86_64');
  if (qemu === 'tcg') await cp(path.join(template, 'qemu-under-tcg.sh'), qemuEntry);
  else await symlink(distributionQemu, qemuEntry);
  await copyFile(distributionBios, await inRoot('seabios/out/bios.bin'));
  for (const file of seamFiles) await writeFile(await inRoot(file), 'a stand-in for the real file\n');
  await copyFile(l1.kernel, await inRoot('linux-l1/arch/x86/boot/bzImage'));
  await copyFile(l1.initrd, await inRoot('linux-l1/initrd.img-l1'));
  for (const name of emptyShares) await mkdir(path.join(root, name), { recursive: true });
  await placeImages(l1, await inRoot('images/l1.img'));
  await placeGuestScripts(path.join(root, 'scripts'));
}

async function placeImages(l1: StandInL1, disk: string): Promise<void> {
  // Node's copyFile would write out the disk's holes.
  await execa('cp', ['--reflink=auto', '--sparse=always', l1.disk, disk]);
  const images = path.dirname(disk);
  for (const name of ['l1.id_rsa', 'l2.id_rsa']) {
    await copyFile(l1.identityFile, path.join(images, name));
    await chmod(path.join(images, name), 0o600);
  }
}

/** `scripts/` of the checkout: what is run inside L1. */
async function placeGuestScripts(scripts: string): Promise<void> {
  await cp(path.join(template, 'scripts'), scripts, { recursive: true });
  const verifyPte = path.join(scripts, 'verify_pte');
  await cp(path.join(referenceRecipe, 'modules/verify_pte'), verifyPte, { recursive: true });
  await copyFile(
    path.join(referenceRecipe, 'scripts/test_verify.sh'),
    path.join(verifyPte, 'test_verify.sh'),
  );
}
