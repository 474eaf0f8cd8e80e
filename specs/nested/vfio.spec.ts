import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/l2.js';
import { _PAGE_USER, walk, walkNested, x86Space } from '../../lib/paging/index.js';
import { nestedWalkPicture, walkPicture } from '../../lib/picture/index.js';
import { traced } from '../../lib/guest/trace/events.js';
import { halt, program, readQword, writeQword } from './support/code.js';
import { exitReasons } from './support/kvm-events.js';
import { dataGpa, longModeGuest } from './support/guest.js';

test("L2 keeps a page that L1's VFIO driver took from user mode: the nested walk does not look at L1's PTE", async ({
  l2,
  npt,
  stack,
  guest: l1,
  machine,
  memory,
}) => {
  const data = await l2.alloc({ pages: 2 });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const linear = 0x7f00_0000_0000n;
  const guest = await longModeGuest(l2, [
    { linear, physical: dataGpa, level: 1 },
    { linear: linear + 4096n, physical: dataGpa + 4096n, level: 1 },
  ]);
  await guest.load(
    program(
      writeQword(linear, 0x11n),
      halt,
      readQword(linear),
      writeQword(linear + 8n, 0x22n),
      halt,
      // A page that L2 has not touched before.
      writeQword(linear + 4096n, 0x33n),
      halt,
    ),
  );
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const inL1 = () => machine.paused(() => walk(memory.memory, l2.space, data.address));
  const before = await inL1();
  expect((before.leaf?.raw ?? 0n) & _PAGE_USER).toBe(_PAGE_USER);

  await l2.request('open', { device: stack.device });
  await l2.request('map', { vaddr: data.address, size: data.size, iova: 0x10_0000n });
  const after = await inL1();
  await test.info().attach('walk-in-L1.svg', {
    contentType: 'image/svg+xml',
    body: walkPicture({ title: "L1's own walk of the page", walk: after, expected: { cleared: _PAGE_USER } }),
  });
  expect(after.leaf?.raw).toBe((before.leaf?.raw ?? 0n) & ~_PAGE_USER);
  expect(await l2.touch(data.address)).toMatchObject({ outcome: 'fault', errorCode: 0x5 });

  const events = await traced(l1, { tracepoints: ['kvm/kvm_exit'] }, async () => {
    expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  });
  // No fault in the nested tables: what was there still is.
  expect(exitReasons(events)).toEqual(['hlt']);
  expect((await l2.registers()).rax).toBe(0x22n);
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await npt() };
  const nested = await machine.paused(() => walkNested(memory.memory, spaces, linear));
  await test.info().attach('walk-of-L2.svg', {
    contentType: 'image/svg+xml',
    body: nestedWalkPicture({ title: 'The same page as L2 reaches it', walk: nested }),
  });
  expect(nested.physicalAddress).toBe(after.mapped ? after.physicalAddress : undefined);
  const bytes = Buffer.from(await memory.memory.read(nested.physicalAddress ?? 0n, 16));
  expect([bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)]).toEqual([0x11n, 0x22n]);

  // KVM itself asks for a page on L2's first touch, and gets it: its own rights count, not the user's.
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const fresh = await machine.paused(() => walkNested(memory.memory, spaces, linear + 4096n));
  expect(Buffer.from(await memory.memory.read(fresh.physicalAddress ?? 0n, 8)).readBigUInt64LE()).toBe(0x33n);
  expect(await l2.framesOf(data.address + 4096n, 1)).toEqual([fresh.physicalAddress]);
});
