import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import { traced } from '../../../lib/guest/trace/events.js';
import { EPT_VIOLATION, walk, walkNested, x86Space } from '../../../lib/paging/index.js';
import { nestedWalkPicture } from '../../../lib/picture/index.js';
import { halt, program, readQword, writeQword } from '../../nested/support/code.js';
import { dataGpa, longModeGuest } from '../../nested/support/guest.js';
import { eptExits } from './support/exits.js';
import { eptLetters } from './support/letters.js';

const count = 16;
const pages = Array.from({ length: count }, (_, page) => ({
  linear: 0x7f00_0000_0000n + BigInt(page) * 4096n,
  physical: dataGpa + BigInt(page) * 4096n,
  level: 1 as const,
}));
const at = (page: number) => pages[page]?.linear ?? 0n;

/** How the kernel learns of a write: three ways of the same module. */
const ways = [
  {
    // The dirty flag is cleared, and the processor notes the page when it sets it: page-modification logging (SDM vol. 3, 29.3.6).
    what: 'by the dirty flag, which the processor also logs',
    parameters: 'eptad=1 pml=1',
    mapped: 'WAD',
    untouched: 'WA-',
    written: 'WAD',
    exits: false,
  },
  {
    what: 'by write protection beside the dirty flag',
    parameters: 'eptad=1 pml=0',
    mapped: 'WAD',
    untouched: '-AD',
    written: 'WAD',
    exits: true,
  },
  {
    what: 'by write protection alone, without accessed and dirty flags',
    parameters: 'eptad=0',
    mapped: 'W--',
    untouched: '---',
    written: 'W--',
    exits: true,
  },
];

for (const { what, parameters, mapped, untouched, written, exits } of ways) {
  test.describe(what, () => {
    test.use({ kvmParameters: parameters });

    test("KVM's dirty log names the pages that L2 wrote, as the EPT's entries do", async ({
      l2,
      ept,
      bochs,
      guest: l1,
      memory,
    }) => {
      const data = await l2.alloc({ pages: count, kind: 'memfd' });
      const slot = { gpa: dataGpa, buffer: data };
      await l2.setSlot(1, slot);
      const guest = await longModeGuest(l2, pages);
      await guest.load(
        program(
          ...pages.map(({ linear }) => writeQword(linear, 0n)),
          halt,
          ...[writeQword(at(3), 1n), readQword(at(5)), writeQword(at(12), 1n), halt],
          ...[readQword(at(3)), writeQword(at(5), 1n), halt],
          ...[writeQword(at(5), 2n), halt],
        ),
      );
      const leaves = async () => {
        const space = await ept();
        const walks = await bochs.paused(() =>
          Promise.all(pages.map(({ physical }) => walk(memory.memory, space, physical))),
        );
        return walks.map(({ leaf }) => eptLetters(leaf));
      };
      const allBut = (numbers: readonly number[]) =>
        pages.map((_, page) => (numbers.includes(page) ? written : untouched));
      /** Runs L2 to its next halt, and compares its exits with what the writes to these many protected pages must cause. */
      const run = async (protectedWrites: number) => {
        const events = await traced(l1, { tracepoints: ['kvm/kvm_exit'] }, async () => {
          expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
        });
        const seen = eptExits(events);
        expect(seen.pop()?.reason).toBe('HLT');
        expect(seen.map(({ reason }) => reason)).toEqual(
          Array(exits ? protectedWrites : 0).fill('EPT_VIOLATION'),
        );
        for (const { qualification } of seen) {
          expect(EPT_VIOLATION.decode(qualification)).toMatchObject({
            write: true,
            readable: true,
            writable: false,
            linearAddressTranslated: true,
          });
        }
      };

      // All pages are mapped before they are logged: one that is first touched counts as written, whatever the access was.
      expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
      expect(await leaves()).toEqual(Array(count).fill(mapped));

      await l2.setSlot(1, { ...slot, dirtyLog: true });
      await run(2);
      expect(await leaves()).toEqual(allBut([3, 12]));
      const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await ept() };
      const nested = await bochs.paused(() => walkNested(memory.memory, spaces, at(12)));
      await test.info().attach('logged-page.svg', {
        contentType: 'image/svg+xml',
        body: nestedWalkPicture({ title: `A page that L2 wrote, logged ${what}`, walk: nested }),
      });
      expect(await l2.dirtyLog(1)).toEqual([3, 12]);
      // Asking starts the log anew, and what is in the entries with it.
      expect(await leaves()).toEqual(allBut([]));

      await run(1);
      expect(await l2.dirtyLog(1)).toEqual([5]);
      expect(await l2.dirtyLog(1)).toEqual([]);
      await run(1);
      expect(await leaves()).toEqual(allBut([5]));
      expect(await l2.dirtyLog(1)).toEqual([5]);
    });
  });
}

test.describe('without accessed and dirty flags', () => {
  test.use({ kvmParameters: 'eptad=0' });

  test("the EPT says nothing of what L2 touched and wrote, while L2's own PTEs do", async ({
    l2,
    ept,
    bochs,
    guest: l1,
    memory,
  }) => {
    expect((await l1.succeed(['cat', '/sys/module/kvm_intel/parameters/eptad'])).trim()).toBe('N');
    const data = await l2.alloc({ pages: count, kind: 'memfd' });
    await l2.setSlot(1, { gpa: dataGpa, buffer: data });
    const guest = await longModeGuest(l2, pages);
    await guest.load(program(readQword(at(1)), writeQword(at(2), 7n), halt));
    expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
    const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await ept() };
    const [read, wrote] = await bochs.paused(async () => [
      await walkNested(memory.memory, spaces, at(1)),
      await walkNested(memory.memory, spaces, at(2)),
    ]);
    const letters = (nested: typeof read) => [
      nested.guest.leaf?.entry.accessed,
      nested.guest.leaf?.entry.dirty,
      eptLetters(nested.nested.at(-1)?.walk.leaf),
    ];
    expect(letters(read)).toEqual([true, false, 'W--']);
    expect(letters(wrote)).toEqual([true, true, 'W--']);
  });
});
