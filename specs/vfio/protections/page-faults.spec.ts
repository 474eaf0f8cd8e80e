import { expect, test } from '../../../fixtures/index.js';
import { type PageFaults, recordPageFaults } from '../../../lib/guest/trace/page-faults.js';
import type { GuestBuffer } from '../../../lib/guest/vfio/options.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import type { GuestShell } from '../../../lib/guest/ssh/index.js';

// Each error code is produced for real, and read from the kernel's own tracepoints.

/** The faults in a buffer, each as `user 0x5`, in the order of their codes; how often one came is left out. */
async function faultsIn(
  guest: GuestShell,
  { address, size }: GuestBuffer,
  work: () => Promise<unknown>,
): Promise<string[]> {
  const faults = await recordPageFaults(guest, { start: address, end: address + size }, work);
  const codes = faults.map(({ mode, errorCode }: PageFaults) => `${mode} 0x${errorCode.toString(16)}`);
  return [...new Set(codes)].sort();
}

function pageAt(
  process: VfioProcess,
  options: { protection?: string; populate?: boolean },
): Promise<GuestBuffer> {
  return process.alloc({ pages: 1, ...options });
}

test('0x4: a user read of a page that is not there yet, which the kernel then brings in', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  const page = await pageAt(process, { populate: false });
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address)).toMatchObject({ outcome: 'done', value: 0n });
  });
  expect(faults).toEqual(['user 0x4']);
});

test('0x4: a user read of an address that nothing maps, which ends in a signal', async ({ vfio, guest }) => {
  const process = await vfio.process();
  const page = await pageAt(process, {});
  await process.request('free', { address: page.address, size: page.size });
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address)).toMatchObject({
      outcome: 'fault',
      signal: 'SIGSEGV',
      code: 'SEGV_MAPERR',
      errorCode: 0x4,
      faultAddress: page.address,
    });
  });
  expect(faults).toEqual(['user 0x4']);
});

test('0x4: a PROT_NONE page is not present to the hardware, though it holds its data', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  const page = await pageAt(process, {});
  await process.request('mprotect', { address: page.address, size: page.size, protection: '' });
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address)).toMatchObject({ code: 'SEGV_ACCERR', errorCode: 0x4 });
  });
  expect(faults).toEqual(['user 0x4']);
});

test('0x5: a user read of a page that a DMA mapping took away', async ({ vfio, guest }) => {
  const mapping = await vfio.mapDma({ pages: 1 });
  const faults = await faultsIn(guest, mapping, async () => {
    expect(await mapping.tryTouch()).toMatchObject({ code: 'SEGV_ACCERR', errorCode: 0x5 });
  });
  expect(faults).toEqual(['user 0x5']);
});

test('0x6: a user write to a page that is not there yet', async ({ vfio, guest }) => {
  const process = await vfio.process();
  const page = await pageAt(process, { populate: false });
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address, { access: 'write', value: 1n })).toMatchObject({
      outcome: 'done',
    });
  });
  expect(faults).toEqual(['user 0x6']);
});

test('0x7: a user write to a page that may only be read', async ({ vfio, guest }) => {
  const process = await vfio.process();
  const page = await pageAt(process, { protection: 'r' });
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address, { access: 'write', value: 1n })).toMatchObject({
      signal: 'SIGSEGV',
      code: 'SEGV_ACCERR',
      errorCode: 0x7,
    });
  });
  expect(faults).toEqual(['user 0x7']);
});

test('0x7: the first write to a private page that was read, which the kernel answers with a copy', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  const page = await pageAt(process, { populate: false });
  await process.access(page.address);
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address, { access: 'write', value: 1n })).toMatchObject({
      outcome: 'done',
    });
  });
  expect(faults).toEqual(['user 0x7']);
});

test('0x14 and 0x15: an instruction fetch, first of an absent page, then of one that may not be executed', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  const page = await pageAt(process, {});
  const present = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address, { access: 'execute' })).toMatchObject({
      signal: 'SIGSEGV',
      code: 'SEGV_ACCERR',
      errorCode: 0x15,
    });
  });
  expect(present).toEqual(['user 0x15']);
  await process.request('free', { address: page.address, size: page.size });
  const absent = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address, { access: 'execute' })).toMatchObject({
      code: 'SEGV_MAPERR',
      errorCode: 0x14,
    });
  });
  expect(absent).toEqual(['user 0x14']);
});

test('0x25: a protection key guards memory that may only be executed', async ({ vfio, guest }) => {
  const { exitCode } = await guest.run(['grep', '-qw', 'ospke', '/proc/cpuinfo']);
  test.skip(exitCode !== 0, 'the guest has no protection keys (CR4.PKE)');
  const process = await vfio.process();
  const page = await pageAt(process, {});
  await process.request('mprotect', { address: page.address, size: page.size, protection: 'x' });
  const faults = await faultsIn(guest, page, async () => {
    expect(await process.access(page.address)).toMatchObject({ code: 'SEGV_PKUERR', errorCode: 0x25 });
  });
  expect(faults).toEqual(['user 0x25']);
});

test('kernel-mode accesses of a user page: 0x0, 0x2 and 0x3, without the user bit', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  /** What came of a system call that moves bytes to or from the page, and the faults on the way. */
  const call = async (route: string, page: GuestBuffer): Promise<{ outcome: string; faults: string[] }> => {
    let outcome = '';
    const faults = await faultsIn(guest, page, async () => {
      const reply = await process.request('route', { route, address: page.address, value: 1n });
      outcome = reply.has('errno') ? reply.text('errno') : reply.text('outcome');
    });
    return { outcome, faults };
  };

  await test.step('write(2) from an absent page: the kernel reads', async () => {
    const page = await pageAt(process, { populate: false });
    expect(await call('write', page)).toEqual({ outcome: 'done', faults: ['kernel 0x0'] });
  });
  await test.step('read(2) into an absent page: the kernel writes', async () => {
    const page = await pageAt(process, { populate: false });
    expect(await call('read', page)).toEqual({ outcome: 'done', faults: ['kernel 0x2'] });
  });
  await test.step('read(2) into a read-only page: refused', async () => {
    const page = await pageAt(process, { protection: 'r' });
    expect(await call('read', page)).toEqual({ outcome: 'EFAULT', faults: ['kernel 0x3'] });
  });
  await test.step('read(2) and write(2) on a cleared page: no fault at all, it is a kernel page now', async () => {
    const mapping = await vfio.mapDma({ pages: 1 });
    for (const route of ['read', 'write']) {
      expect(await call(route, mapping)).toEqual({ outcome: 'done', faults: [] });
    }
  });
});
