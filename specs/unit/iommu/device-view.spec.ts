import { expect, test } from '@playwright/test';

import { DeviceView } from '../../../lib/guest/iommu/index.js';
import type { Machine } from '../../../lib/machine/machine.js';
import { walkSync } from '../../../lib/paging/index.js';
import { TestMemory } from '../paging/support/test-memory.js';

/** A machine whose IOMMU has three levels of tables at 0x3000 for 00:02.0, an entry for iova 0x1000, and addresses of 39 bits. */
function viewOf(leaf: bigint, memory = new TestMemory()): DeviceView {
  for (const page of [0x1000n, 0x2000n, 0x3000n, 0x4000n, 0x5000n]) memory.addPage(page);
  for (const [at, value] of [
    ...[
      [0x1000n, 0x2001n],
      [0x2100n, 0x3001n],
      [0x2108n, 0x101n],
    ],
    ...[
      [0x3000n, 0x4003n],
      [0x4000n, 0x5003n],
      [0x5008n, leaf],
    ],
  ] as [bigint, bigint][]) {
    memory.write64(at, value);
  }
  const registers = new Map([
    [0xfed9_0008n, 38n << 16n],
    [0xfed9_0020n, 0x1000n],
  ]);
  const machine = {
    paused: <T>(work: () => Promise<T>) => work(),
    monitor: {
      xpBytes: ([{ address }]: [{ address: bigint }]) => {
        return Promise.resolve([new Uint8Array(new BigUint64Array([registers.get(address) ?? 0n]).buffer)]);
      },
    },
  };
  return new DeviceView(machine as unknown as Machine, memory, '0000:00:02.0');
}

test('an entry with an address bit that the IOMMU does not have is a fault, in a walk and in the tables', async () => {
  const right = 0x7003n;
  expect(await viewOf(right).walk(0x1000n)).toMatchObject({ physicalAddress: 0x7000n, fault: undefined });
  for (const bit of [39n, 45n, 51n]) {
    const memory = new TestMemory();
    const view = viewOf(right | (1n << bit), memory);
    expect((await view.walk(0x1000n)).fault, `bit ${bit}`).toMatchObject({
      reason: 'second-level',
      code: 0xc,
    });
    const tables = await view.tables(0x1000n);
    if (typeof tables === 'string') throw new Error(tables);
    expect(walkSync(memory, tables, 0x1000n).fault).toMatchObject({ reason: 'reserved-bits' });
  }
  expect((await viewOf(right | (1n << 38n)).walk(0x1000n)).fault).toBeUndefined();
});
