/**
 * What an Actions cache is to keep, as lines `NAME=VALUE` for a step's outputs. The keys are content hashes that the code itself finds
 * images and snapshots by, so that a cache that is restored is one that is used.
 *
 *   cache-keys.ts image                       image-key, image-folder; image-cached: 'true' where this runner has it already
 *   cache-keys.ts kernels                     kernels-key; kernels-vfio and kernels-kvm, folders; kernels-cached as above
 *                                             ept-key, ept-folder, ept-cached: of the guest that runs on the second
 *   cache-keys.ts snapshots [SHARD TOTAL]     snapshots-key, snapshots-prefix, snapshots-folder; builds the image if need be
 *
 * A snapshot is of an image, a QEMU, a launch script, and a host's CPU where KVM shows it to the guest: `snapshots-prefix` stands for
 * these, by the identity of the machine that specs get who ask for nothing. `snapshots-key` stands for the snapshots that are there.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceStack } from '../../fixtures/stacks/reference.js';
import { specKernelsPlan } from '../../fixtures/stacks/spec-kernels.js';
import { planEptImage } from '../../lib/image/ept-image.js';
import { planReferenceImage } from '../../lib/image/reference-image.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';
import { snapshotIdentity, snapshotsFolder, snapshotSubject } from '../../lib/machine/snapshot/index.js';

const environment = readEnvironment(process.env);
const [what, shard = '1', total = '1'] = process.argv.slice(2);
if (what === 'image') await image();
else if (what === 'kernels') await kernels();
else if (what === 'snapshots') await snapshots();
else {
  console.error('usage: cache-keys.ts image|kernels|snapshots [SHARD TOTAL]');
  process.exit(2);
}

async function image(): Promise<void> {
  const { key, target, built } = await planReferenceImage(environment.cache);
  print('image', { key: `image-${key}`, folder: target, cached: String(built !== undefined) });
}

/** What takes minutes to build and only some specs boot: see `npm run image -- kernels`. */
async function kernels(): Promise<void> {
  const vfio = await specKernelsPlan(environment.cache);
  const ept = await planEptImage(environment.cache);
  print('kernels', {
    key: `kernels-${vfio.key}-${ept.kernel.key}`,
    vfio: vfio.target,
    kvm: ept.kernel.target,
    cached: String(vfio.built && ept.kernel.built),
  });
  // Apart, as it changes more often, and takes seconds where its kernel is there.
  print('ept', { key: `ept-${ept.key}`, folder: ept.target, cached: String(ept.built) });
}

async function snapshots(): Promise<void> {
  const stack = await referenceStack(environment, progress);
  const { plan, snapshots: support } = await stack.plan(defaultMachineOptions);
  if (!support) throw new TypeError('the machine that specs get who ask for nothing has no snapshots');
  const identity = await snapshotIdentity(snapshotSubject(plan, support.usesHostCpu));
  // Each shard runs its own specs, which are the same every time: its snapshots are its own.
  const prefix = `snapshots-${identity}-${shard}-of-${total}-`;
  const folder = await snapshotsFolder(environment.cache);
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{16}$/.test(name)).sort();
  const content = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16);
  print('snapshots', { key: prefix + content, prefix, folder });
}

function progress(line: string): void {
  console.error(line);
}

function print(subject: string, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) console.log(`${subject}-${name}=${value}`);
}
