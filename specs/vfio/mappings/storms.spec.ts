/** What the kernel does to memory of its own accord, and other processes do, at the same time: a healthy driver is not to be accused of it. */
import { expect, test } from '../../../fixtures/index.js';
import { expectNoAccess } from './agreement.js';

const hugePageSize = 2n << 20n;

/** Begins when it is told to, and lasts until the guest is gone. */
interface Storm {
  /** For the guest's shell. */
  readonly begin: string;
  readonly tag?: string;
  /** What the process asks for (madvise): for what is around the mapping as well. */
  readonly advice?: string;
  /**
   * The kernel tries to move pages of files, shared memory among them, also where they are pinned: it empties their entries before it finds out, and
   * makes them anew, open to user mode. Anonymous memory that is pinned it leaves alone.
   */
  readonly movesFiles?: boolean;
}

const storms: Readonly<Record<string, Storm>> = {
  'khugepaged makes huge pages of what is small': {
    begin:
      'cd /sys/kernel/mm/transparent_hugepage; echo madvise > enabled; echo 0 > khugepaged/scan_sleep_millisecs; ' +
      'echo 0 > khugepaged/alloc_sleep_millisecs; echo 4096 > khugepaged/pages_to_scan',
    tag: '@thp',
    advice: 'hugepage',
  },
  'memory is compacted': {
    movesFiles: true,
    begin:
      'echo 1 > /proc/sys/vm/compact_unevictable_allowed; while :; do echo 1 > /proc/sys/vm/compact_memory; done &',
  },
  'KSM merges pages of the same contents': {
    begin: 'cd /sys/kernel/mm/ksm; echo 0 > sleep_millisecs; echo 1000 > pages_to_scan; echo 1 > run',
    tag: '@ksm',
    advice: 'mergeable',
  },
  'memory is swapped out': {
    movesFiles: true,
    begin:
      'modprobe brd rd_nr=1 rd_size=65536; mkswap /dev/ram0; swapon /dev/ram0; ' +
      'while :; do head -c 64M /dev/zero | tail; done &',
    advice: 'pageout',
  },
  'other processes come and go': {
    begin: 'while :; do (cat /proc/self/maps); done & while :; do (:); done &',
  },
};

for (const [what, { begin, tag, advice, movesFiles = false }] of Object.entries(storms)) {
  test(
    `a healthy driver is not accused while ${what}`,
    { ...(tag ? { tag } : {}) },
    async ({ vfio, guest, kernelLog }) => {
      test.slow();
      const process = await vfio.process();
      await guest.succeed(['sh', '-c', `{ ${begin}\n} > /dev/null 2>&1`]);
      for (let round = 0; round < 4; round += 1) {
        const whole = await process.alloc({
          pages: 2048,
          ...(round % 2 === 1 && !movesFiles ? { kind: 'shared' } : {}),
        });
        await process.request('fill', {
          address: whole.address,
          size: whole.size,
          value: round % 2 === 0 ? 0x5eedn : 7n,
        });
        // Around the mapping there is memory that may be changed in any way, in huge pages' places of its own too.
        const address = (whole.address + hugePageSize) & ~(hugePageSize - 1n);
        // What is made huge before it is mapped is left open.
        if (advice !== undefined && advice !== 'hugepage' && round < 2)
          await process.request('madvise', { address, size: hugePageSize, advice });
        const pages = 300;
        const mapping = await process.mapDma({
          pages,
          buffer: { address: address + 0x10000n, size: BigInt(pages) * 4096n },
        });
        if (advice !== undefined)
          await process.request('madvise', { address: whole.address, size: whole.size, advice });
        const child = await process.fork();
        await expect(mapping).toBeTakenFromUserMode(kernelLog);
        await child.exit();
        await expect(mapping).toBeTakenFromUserMode(kernelLog);
        await expectNoAccess(mapping);
        await mapping.unmap();
      }
    },
  );
}
