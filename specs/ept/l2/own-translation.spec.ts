import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import { walkNested, x86Space } from '../../../lib/paging/index.js';
import { halt, program, readQword, spin, writeQword } from '../../nested/support/code.js';
import { dataGpa, longModeGuest } from '../../nested/support/guest.js';

const linear = 0x7f00_0000_0000n;
const device = 0x7f00_0000_5000n;
const deviceGpa = 3n << 30n;

test("while L2 runs, Bochs's own translation of its addresses is that of the walk through both dimensions", async ({
  l2,
  ept,
  bochs,
  memory,
}) => {
  const data = await l2.alloc({ pages: 2, kind: 'memfd' });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const guest = await longModeGuest(l2, [
    { linear, physical: dataGpa + 4096n, level: 1 },
    { linear: linear + 4096n, physical: dataGpa, level: 1 },
    { linear: device, physical: deviceGpa, level: 1 },
  ]);
  await guest.load(program(writeQword(linear, 1n), readQword(linear + 4096n), readQword(device), halt, spin));
  expect(await l2.run({ exits: 2 })).toMatchObject([{ exit: 'mmio' }, { exit: 'hlt' }]);
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await ept() };

  const [first, second] = await l2.framesOf(data.address, 2);
  const [code] = await l2.framesOf(guest.slot.buffer.address + 0x1000n, 1);
  const expected = new Map([
    [linear + 0x123n, (second ?? 0n) + 0x123n],
    [linear + 4096n, first],
    [0x1000n, code],
    [device, undefined],
    [linear + 0x2000n, undefined],
  ]);
  const addresses = [...expected.keys()];
  const looks: object[] = [];
  const look = () =>
    bochs.paused(async () => {
      if ((await bochs.registers())[0]?.cr3 !== guest.cr3) return;
      const own: (bigint | undefined)[] = [];
      const walked: (bigint | undefined)[] = [];
      for (const address of addresses) {
        own.push(await bochs.translate(address));
        walked.push((await walkNested(memory.memory, spaces, address)).physicalAddress);
      }
      looks.push({ own, walked });
    });
  // In L1's time, which stands while Bochs does: enough for a look at any speed of the host.
  const running = l2.run({ timeoutMs: 50 });
  await expect.poll(() => look().then(() => looks.length), { intervals: [1], timeout: 60_000 }).toBe(1);
  expect(await running).toEqual([{ exit: 'timeout' }]);
  expect(looks).toEqual([{ own: [...expected.values()], walked: [...expected.values()] }]);
});
