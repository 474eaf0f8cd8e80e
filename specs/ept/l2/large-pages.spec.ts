import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import { walk, walkNested, x86Space } from '../../../lib/paging/index.js';
import { nestedWalkPicture } from '../../../lib/picture/index.js';
import { hugeSlot } from '../../nested/support/huge-slot.js';
import { eptLetters } from './support/letters.js';

const mib = 1n << 20n;
const hugePages = '/proc/sys/vm/nr_hugepages';

test.afterEach(async ({ guest }) => {
  await guest.succeed(['sh', '-c', `echo 0 > ${hugePages}`]);
});

/**
 * The processor logs the address of a page that is written to with its lower 12 bits 0 (SDM vol. 3, 29.3.6). Bochs 2.7 logs the byte's own,
 * at which KVM wonders (vmx_flush_pml_buffer() of Linux 6.1); 3.0 does not.
 */
const pageModificationLog = {
  allow: [{ kind: 'warning', title: /vmx_handle_exit|vmx_flush_pml_buffer/ }, { kind: 'taint' }],
} as const;

const ways = [
  { parameters: 'eptad=1', written: 'WAD', others: 'WA-', kernelReports: pageModificationLog },
  { parameters: 'eptad=0', written: 'W--', others: '---', kernelReports: {} },
];

for (const { parameters, written, others, kernelReports } of ways) {
  test.describe(parameters, () => {
    test.use({ kvmParameters: parameters, kernelReports });

    test(`a 2 MiB page of the EPT is split when its slot is logged, and only the written page's entry says so`, async ({
      guest: l1,
      l2,
      ept,
      bochs,
      memory,
    }) => {
      await l1.succeed(['sh', '-c', `echo 2 > ${hugePages}`]);
      const { cr3, gpa, slot, offset, written: target } = await hugeSlot(l2);
      expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
      const second = await ept();
      const [frame] = await l2.framesOf(slot.buffer.address, 1);
      const nested = await bochs.paused(() =>
        walkNested(memory.memory, { guest: x86Space({ cr3 }), second }, target),
      );
      await test.info().attach('2-mib-in-both.svg', {
        contentType: 'image/svg+xml',
        body: nestedWalkPicture({ title: 'A 2 MiB page in both dimensions', walk: nested }),
      });
      expect(nested.nested.at(-1)?.walk).toMatchObject({ pageSize: 2n * mib, leaf: { level: 2 } });
      expect(nested.physicalAddress).toBe((frame ?? 0n) + offset);

      await l2.setSlot(1, { ...slot, dirtyLog: true });
      expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
      const root = await ept();
      const walks = await bochs.paused(() =>
        Promise.all(
          Array.from({ length: 512 }, (_, page) => walk(memory.memory, root, gpa + BigInt(page) * 4096n)),
        ),
      );
      const mapped = walks.flatMap((page) => (page.mapped ? [page] : []));
      expect(mapped.map(({ pageSize }) => pageSize)).toEqual(Array(512).fill(4096n));
      // The same memory as before, piece by piece.
      expect(mapped.map(({ physicalAddress }, page) => physicalAddress - BigInt(page) * 4096n)).toEqual(
        Array(512).fill(frame),
      );
      expect(mapped.map(({ leaf }) => eptLetters(leaf))).toEqual(
        Array.from({ length: 512 }, (_, page) => (page === 77 ? written : others)),
      );
      expect(await l2.dirtyLog(1)).toEqual([77]);
    });
  });
}
