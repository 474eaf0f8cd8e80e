import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/l2.js';
import { walk, walkNested, x86Space } from '../../lib/paging/index.js';
import { nestedWalkPicture } from '../../lib/picture/index.js';
import { halt, program, readQword, writeQword } from './support/code.js';
import { longModeGuest } from './support/guest.js';

const gib = 1n << 30n;

// A gigabyte in one piece is there when the kernel boots, in a guest that has several, and not much later.
test.use({
  machineOptions: { vcpus: 1, memory: '4g', kernelArguments: 'hugepagesz=1G hugepages=1' },
});

test('a 1 GiB page is one entry in both dimensions', async ({ l2, npt, guest: l1, machine, memory }) => {
  const pool = '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages';
  expect((await l1.succeed(['cat', pool])).trim()).toBe('1');
  const gpa = 4n * gib;
  const giant = await l2.alloc({ pages: 1, kind: 'hugetlb1g' });
  expect(giant.size).toBe(gib);
  await l2.setSlot(1, { gpa, buffer: giant });
  const linear = 0x7f00_0000_0000n;
  const guest = await longModeGuest(l2, [{ linear, physical: gpa, level: 3 }]);
  const [near, far] = [8n, gib - 16n];
  await guest.load(
    program(
      writeQword(linear + near, 0x11n),
      halt,
      writeQword(linear + far, 0x22n),
      readQword(linear + near),
      halt,
    ),
  );
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);

  const second = await npt();
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second };
  const nested = await machine.paused(() => walkNested(memory.memory, spaces, linear + far));
  await test.info().attach('1-gib-in-both.svg', {
    contentType: 'image/svg+xml',
    body: nestedWalkPicture({ title: 'A 1 GiB page in both dimensions', walk: nested }),
  });
  expect(nested.guest).toMatchObject({ mapped: true, pageSize: gib, leaf: { level: 3 } });
  expect(nested.nested.at(-1)?.walk).toMatchObject({ mapped: true, pageSize: gib, leaf: { level: 3 } });
  // L1's own entry for the same page, and its kernel's word on the frame.
  const inL1 = await machine.paused(() => walk(memory.memory, l2.space, giant.address + far));
  expect(inL1).toMatchObject({ pageSize: gib, physicalAddress: nested.physicalAddress });
  const [frame] = await l2.framesOf(giant.address, 1);
  expect(nested.physicalAddress).toBe((frame ?? 0n) + far);

  // The last bytes are mapped by the entry that the first access brought in.
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  expect((await l2.registers()).rax).toBe(0x11n);
  expect(Buffer.from(await memory.memory.read((frame ?? 0n) + far, 8)).readBigUInt64LE()).toBe(0x22n);
  expect(await l2.touch(giant.address + far)).toMatchObject({ outcome: 'done', value: 0x22n });
});
