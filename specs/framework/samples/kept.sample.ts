import { randomBytes } from 'node:crypto';

import { expect, test } from '../../../fixtures/index.js';

/** What the machine is to be found with when it is resumed. */
export interface Parked {
  readonly pid: number;
  /** In R12 of the vCPU that the process's thread spins on. */
  readonly marker: string;
  /** Its top table. */
  readonly root: string;
  readonly address: string;
  /** The pages' entries. */
  readonly entries: readonly string[];
  /** Where the first page lies, and what is in it. */
  readonly physicalAddress: string;
  readonly content: string;
}

test('fails with a parked process and a mapping', async ({ vfio, memory }, testInfo) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  const process = await vfio.process();
  const marker = randomBytes(8).readBigUInt64LE();
  await process.request('park', { marker });
  const pages = [...(await process.entries(mapping.address, mapping.pages))];
  const physicalAddress = pages[0]?.physicalAddress ?? 0n;
  const hex = (value: bigint): string => `0x${value.toString(16)}`;
  const parked: Parked = {
    pid: process.pid,
    marker: hex(marker),
    root: hex(process.space.root),
    address: hex(mapping.address),
    entries: pages.map(({ raw }) => hex(raw ?? 0n)),
    physicalAddress: hex(physicalAddress),
    content: Buffer.from(await memory.memory.read(physicalAddress, 4096)).toString('base64'),
  };
  await testInfo.attach('parked.json', { body: JSON.stringify(parked), contentType: 'application/json' });
  await expect(mapping).not.toHaveUserBitCleared();
});

test('passes', async ({ vfio }) => {
  await expect(await vfio.mapDma({ pages: 4 })).toHaveUserBitCleared();
});
