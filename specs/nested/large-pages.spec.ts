import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/l2.js';
import { _PAGE_RW, walk, walkNested, x86Space } from '../../lib/paging/index.js';
import { nestedWalkPicture } from '../../lib/picture/index.js';
import { hugeSlot } from './support/huge-slot.js';

const mib = 1n << 20n;

test('a 2 MiB page of the nested tables is split when its slot is logged, and only the written page becomes writable again', async ({
  l2,
  npt,
  guest: l1,
  machine,
  memory,
}) => {
  await l1.succeed(['sysctl', '-w', 'vm.nr_hugepages=2']);
  const { cr3, gpa, slot, written } = await hugeSlot(l2);
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const second = await npt();
  const at = (offset: bigint) => machine.paused(() => walk(memory.memory, second, gpa + offset));
  const before = await at(0n);
  expect(before).toMatchObject({ mapped: true, pageSize: 2n * mib, leaf: { level: 2 } });
  const [frame] = await l2.framesOf(slot.buffer.address, 1);
  expect(before).toMatchObject({ physicalAddress: frame });
  const spaces = { guest: x86Space({ cr3 }), second };
  const nested = await machine.paused(() => walkNested(memory.memory, spaces, written));
  await test.info().attach('2-mib-in-both.svg', {
    contentType: 'image/svg+xml',
    body: nestedWalkPicture({ title: 'A 2 MiB page in both dimensions', walk: nested }),
  });

  await l2.setSlot(1, { ...slot, dirtyLog: true });
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const root = await npt();
  const pages = await machine.paused(() =>
    Promise.all(
      Array.from({ length: 512 }, (_, page) => walk(memory.memory, root, gpa + BigInt(page) * 4096n)),
    ),
  );
  const mapped = pages.flatMap((page) => (page.mapped ? [page] : []));
  expect(mapped.map(({ pageSize }) => pageSize)).toEqual(Array(512).fill(4096n));
  // The same memory as before, piece by piece.
  expect(mapped.map(({ physicalAddress }, page) => physicalAddress - BigInt(page) * 4096n)).toEqual(
    Array(512).fill(frame),
  );
  const writable = mapped.flatMap(({ leaf }, page) => ((leaf.raw & _PAGE_RW) === 0n ? [] : [page]));
  expect(writable).toEqual([77]);
  expect(await l2.dirtyLog(1)).toEqual([77]);
});
