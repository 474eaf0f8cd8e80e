import { expect, test } from '../../../fixtures/index.js';
import {
  GuestModuleError,
  insertModule,
  insertOwnModule,
  ownModuleFile,
  removeModule,
} from '../../../lib/guest/module/index.js';
import type { GuestShell } from '../../../lib/guest/ssh/index.js';

async function moduleFailure(operation: Promise<unknown>): Promise<GuestModuleError> {
  const error = await operation.then(
    () => new Error('the module was loaded, though it should have been refused'),
    (cause: unknown) => cause,
  );
  if (error instanceof GuestModuleError) return error;
  throw error;
}

/** The verify_pte module with one of its bytes changed, as a file in the guest. */
async function changedModule(guest: GuestShell, change: (module: Buffer) => void): Promise<string> {
  const module = await guest.download(await ownModuleFile(guest, 'verify_pte'));
  change(module);
  await guest.upload(module, '/tmp/verify_pte.ko');
  return '/tmp/verify_pte.ko';
}

function overwrite(module: Buffer, old: string, by: string): void {
  const at = module.indexOf(old, 0, 'latin1');
  if (at === -1) throw new RangeError(`the module does not hold '${old}'`);
  module.write(by, at, 'latin1');
}

test('a module of another kernel, by its version magic', async ({ guest }) => {
  // The flags behind the release count always; the release itself only where symbols have no versions of their own.
  const file = await changedModule(guest, (module) => {
    overwrite(module, ' SMP preempt ', ' UMP preempt ');
  });
  const { failure, message } = await moduleFailure(insertModule(guest, file));
  expect(failure).toBe('invalidFormat');
  expect(message).toMatch(/invalid module format.*version magic '.*UMP.*' should be '.*SMP.*'.*make KDIR=/i);
});

test('a module of another kernel, by the version of a symbol', async ({ guest }) => {
  const file = await changedModule(guest, (module) => {
    // struct modversion_info: a checksum of 8 bytes before the name (include/linux/module.h).
    const name = module.indexOf('module_layout\0', 0, 'latin1');
    module.writeUInt8(module.readUInt8(name - 8) ^ 1, name - 8);
  });
  const { failure, message } = await moduleFailure(insertModule(guest, file));
  expect(failure).toBe('invalidFormat');
  expect(message).toMatch(/disagrees about version of symbol module_layout.*built for another kernel/);
});

test('a file that is no module, and one that is not there', async ({ guest }) => {
  await guest.upload(Buffer.from('no module at all'), '/tmp/nonsense.ko');
  expect((await moduleFailure(insertModule(guest, '/tmp/nonsense.ko'))).failure).toBe('invalidFormat');
  const missing = await moduleFailure(insertModule(guest, '/tmp/missing.ko'));
  expect(missing.failure).toBe('noSuchFile');
  expect(missing.message).toContain('bring it there');
});

test('loaded twice, removed twice, removed while in use', async ({ guest, vfio }) => {
  await insertOwnModule(guest, 'verify_pte');
  const twice = await moduleFailure(insertOwnModule(guest, 'verify_pte'));
  expect(twice.failure).toBe('alreadyLoaded');
  expect(twice.message).toContain('rmmod it first');
  await removeModule(guest, 'verify_pte');
  expect((await moduleFailure(removeModule(guest, 'verify_pte'))).failure).toBe('notLoaded');

  await vfio.process();
  const used = await moduleFailure(removeModule(guest, 'vfio_iommu_type1'));
  expect(used.failure).toBe('inUse');
  expect(used.message).toContain('end its processes first');
});
