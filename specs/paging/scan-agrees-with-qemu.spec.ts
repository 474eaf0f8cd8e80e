import { randomBytes } from 'node:crypto';

import { expect, test } from '../../fixtures/index.js';
import { mappedRanges } from '../../lib/paging/index.js';
import { addressSpacePicture } from '../../lib/picture/index.js';
import { expectScanToAgreeWithQemu } from './support/differential.js';
import { stopInUserMode } from './support/stop-in-user-mode.js';

test.describe.configure({ timeout: 300_000 });

test("every page of a process's address space is as QEMU lists it", async ({
  vfio,
  guest,
  machine,
  memory,
}) => {
  await guest.succeed(['sh', '-c', 'echo 4 > /proc/sys/vm/nr_hugepages']);
  const process = await vfio.process();
  // Entries of every sort: cleared, not cleared, read-only, large, shared, and holes.
  await vfio.mapDma({ pages: 40 });
  await vfio.mapDma({ pages: 512, kind: 'hugetlb' });
  await process.alloc({ pages: 1024, kind: 'hugetlb' });
  await process.alloc({ pages: 1024, kind: 'thp' });
  await process.alloc({ pages: 3, protection: 'r' });
  await process.alloc({ pages: 3, kind: 'shared' });
  await process.alloc({ pages: 64, populate: false });
  const marker = randomBytes(8).readBigUInt64LE();
  await process.request('park', { marker });

  const vcpu = await stopInUserMode(machine.monitor, marker);
  try {
    const scanned = await expectScanToAgreeWithQemu(machine.monitor, memory.memory, vcpu);
    expect(scanned.space.root).toBe(process.space.root);
    const levels = new Set(
      Array.from(scanned, ({ level, entry }) => `${level} ${entry.user ? 'user' : 'supervisor'}`),
    );
    expect([...levels]).toEqual(expect.arrayContaining(['1 user', '1 supervisor', '2 user', '2 supervisor']));
    await test.info().attach('address-space.svg', {
      body: addressSpacePicture({
        title: `Address space of process ${process.pid}`,
        subtitle: `${scanned.length.toLocaleString('en')} pages in ${scanned.tablesRead} tables`,
        ranges: mappedRanges(scanned),
      }),
      contentType: 'image/svg+xml',
    });
  } finally {
    await machine.monitor.cont();
  }
});

test.describe('with 5 GiB of RAM, whose direct map has pages of 1 GiB', () => {
  test.use({ machineOptions: { memory: '5g' } });

  test("every page of the kernel's address space is as QEMU lists it", async ({ machine, memory }) => {
    await machine.paused(async () => {
      for (const vcpu of await machine.monitor.infoRegisters()) {
        const scanned = await expectScanToAgreeWithQemu(machine.monitor, memory.memory, vcpu);
        expect([...scanned].some(({ level }) => level === 3)).toBe(true);
      }
    });
  });
});

test.describe('with five levels of tables', () => {
  test.use({ machineOptions: { la57: true } });

  test("every page of a process's address space is as QEMU lists it", async ({ vfio, machine, memory }) => {
    const process = await vfio.process();
    expect(process.space.levels).toBe(5);
    await vfio.mapDma({ pages: 40 });
    const marker = randomBytes(8).readBigUInt64LE();
    await process.request('park', { marker });
    const vcpu = await stopInUserMode(machine.monitor, marker);
    try {
      const scanned = await expectScanToAgreeWithQemu(machine.monitor, memory.memory, vcpu);
      expect(scanned.space).toMatchObject({ levels: 5, root: process.space.root });
    } finally {
      await machine.monitor.cont();
    }
  });
});
