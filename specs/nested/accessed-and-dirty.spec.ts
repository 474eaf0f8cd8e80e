import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/l2.js';
import type { GuestShell } from '../../lib/guest/ssh/index.js';
import { traced } from '../../lib/guest/trace/events.js';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_RW,
  type AddressSpace,
  type MappedWalk,
  type PhysicalMemory,
  walkNested,
  x86Space,
  type X86Entry,
} from '../../lib/paging/index.js';
import { nestedWalkPicture } from '../../lib/picture/index.js';
import { halt, program, readQword, writeQword } from './support/code.js';
import { exitReasons } from './support/kvm-events.js';
import { dataGpa, longModeGuest } from './support/guest.js';
import { accessedAndDirty } from './support/letters.js';
import { mappedWalk } from './support/mapped-walk.js';

/** Where L1's kernel maps all of its RAM: its variable `page_offset_base`, read from outside. */
async function directMap(
  l1: GuestShell,
  look: (address: bigint) => Promise<MappedWalk>,
  memory: PhysicalMemory,
): Promise<bigint> {
  const line = await l1.succeed(['grep', '-w', 'page_offset_base', '/proc/kallsyms']);
  const { physicalAddress } = await look(BigInt(`0x${line.split(' ')[0] ?? ''}`));
  return Buffer.from(await memory.read(physicalAddress, 8)).readBigUInt64LE();
}

test("a write by L2 dirties L2's PTE and the nested leaf, and neither L1's PTE of an alias nor its direct map", async ({
  l2,
  npt,
  guest: l1,
  machine,
  memory,
}) => {
  const data = await l2.alloc({ pages: 4, kind: 'memfd' });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const alias = await l2.alias(data);
  // A read brings the alias's PTE in: accessed, and clean.
  expect(await l2.touch(alias.address)).toMatchObject({ outcome: 'done', value: 0n });
  const linear = 0x7f00_0000_0000n;
  const guest = await longModeGuest(l2, [{ linear, physical: dataGpa, level: 1 }]);
  const look = (space: AddressSpace<X86Entry>, address: bigint) =>
    machine.paused(() => mappedWalk(memory.memory, space, address));
  const aliasBefore = await look(l2.space, alias.address);
  const inDirectMap =
    (await directMap(l1, (address) => look(l2.space, address), memory.memory)) + aliasBefore.physicalAddress;
  const directBefore = await look(l2.space, inDirectMap);
  expect(directBefore.physicalAddress).toBe(aliasBefore.physicalAddress);
  expect(accessedAndDirty(aliasBefore.leaf.raw)).toBe('A-');

  await guest.load(program(writeQword(linear, 0xc0ffeen), halt));
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);

  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await npt() };
  const nested = await machine.paused(() => walkNested(memory.memory, spaces, linear));
  await test.info().attach('written-page.svg', {
    contentType: 'image/svg+xml',
    body: nestedWalkPicture({
      title: 'A page that L2 wrote',
      walk: nested,
      expected: { set: _PAGE_DIRTY },
    }),
  });
  expect(accessedAndDirty(nested.guest.leaf?.raw ?? 0n)).toBe('AD');
  expect(accessedAndDirty(nested.nested.at(-1)?.walk.leaf?.raw ?? 0n)).toBe('AD');
  const aliasAfter = await look(l2.space, alias.address);
  // The same page, whose content L1 sees changed through an entry that says it is clean.
  expect(aliasAfter.physicalAddress).toBe(nested.physicalAddress);
  expect(aliasAfter.leaf.raw).toBe(aliasBefore.leaf.raw);
  expect((await look(l2.space, inDirectMap)).leaf.raw).toBe(directBefore.leaf.raw);
  expect(await l2.touch(alias.address)).toMatchObject({ outcome: 'done', value: 0xc0ffeen });
  // That the bit works for L1's own writes.
  await l2.touch(alias.address, { access: 'write', value: 1n });
  expect(accessedAndDirty((await look(l2.space, alias.address)).leaf.raw)).toBe('AD');
});

test('a page that L2 only reads is accessed and clean in both dimensions where KVM maps it read-only', async ({
  l2,
  npt,
  machine,
  memory,
}) => {
  const data = await l2.alloc({ pages: 2, kind: 'memfd' });
  await l2.touch(data.address, { access: 'write', value: 0xabn });
  // KVM maps what the program may write writable, and then dirty at once (make_spte in arch/x86/kvm/mmu/spte.c).
  const readOnly = await l2.alias(data, 'r');
  await l2.setSlot(1, { gpa: dataGpa, buffer: readOnly });
  const linear = 0x7f00_0000_0000n;
  const guest = await longModeGuest(l2, [{ linear, physical: dataGpa, level: 1 }]);
  await guest.load(program(readQword(linear), halt));
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  expect((await l2.registers()).rax).toBe(0xabn);
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await npt() };
  const nested = await machine.paused(() => walkNested(memory.memory, spaces, linear));
  const leaf = nested.nested.at(-1)?.walk.leaf?.raw ?? 0n;
  expect(accessedAndDirty(nested.guest.leaf?.raw ?? 0n)).toBe('A-');
  expect(accessedAndDirty(leaf)).toBe('A-');
  expect(leaf & _PAGE_RW).toBe(0n);
});

test('the processor sets A and D of the nested leaf by itself: no exit, a read sets A, a write both', async ({
  l2,
  npt,
  guest: l1,
  machine,
  memory,
  attachDebugger,
}) => {
  const data = await l2.alloc({ pages: 2, kind: 'memfd' });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const [read, written] = [0x7f00_0000_0000n, 0x7f00_0000_1000n];
  const guest = await longModeGuest(l2, [
    { linear: read, physical: dataGpa, level: 1 },
    { linear: written, physical: dataGpa + 4096n, level: 1 },
  ]);
  await guest.load(
    program(readQword(read), readQword(written), halt, readQword(read), writeQword(written, 1n), halt),
  );
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);

  const second = await npt();
  const leaves = () =>
    machine.paused(() =>
      Promise.all([dataGpa, dataGpa + 4096n].map((gpa) => mappedWalk(memory.memory, second, gpa))),
    );
  // Cleared from outside, where KVM does not know of it: whatever sets the bits afterwards is not KVM.
  const before = await leaves();
  const debug = await attachDebugger();
  for (const { leaf } of before) {
    const raw = Buffer.alloc(8);
    raw.writeBigUInt64LE(leaf.raw & ~(_PAGE_ACCESSED | _PAGE_DIRTY));
    await debug.writePhysical(leaf.entryAddress, raw);
  }
  await debug.detach();
  expect((await leaves()).map(({ leaf }) => accessedAndDirty(leaf.raw))).toEqual(['--', '--']);

  const events = await traced(
    l1,
    { tracepoints: ['kvm/kvm_exit', 'kvmmmu/kvm_tdp_mmu_spte_changed'] },
    async () => {
      expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
    },
  );
  expect((await leaves()).map(({ leaf }) => accessedAndDirty(leaf.raw))).toEqual(['A-', 'AD']);
  expect(exitReasons(events)).toEqual(['hlt']);
  expect(events.filter(({ name }) => name === 'kvm_tdp_mmu_spte_changed')).toEqual([]);
});

test("KVM's dirty log names the pages that L2 wrote, and no others", async ({ l2, guest: l1 }) => {
  const data = await l2.alloc({ pages: 16, kind: 'memfd' });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const linear = 0x7f00_0000_0000n;
  const at = (page: number) => linear + BigInt(page) * 4096n;
  const guest = await longModeGuest(
    l2,
    Array.from({ length: 16 }, (_, page) => ({
      linear: at(page),
      physical: dataGpa + BigInt(page) * 4096n,
      level: 1 as const,
    })),
  );
  const everyPage = Array.from({ length: 16 }, (_, page) => writeQword(at(page), 0n));
  await guest.load(
    program(
      ...everyPage,
      halt,
      writeQword(at(3), 1n),
      readQword(at(5)),
      writeQword(at(12), 1n),
      halt,
      readQword(at(3)),
      writeQword(at(5), 1n),
      halt,
      writeQword(at(5), 2n),
      halt,
    ),
  );
  // All pages are mapped before they are logged: one that is first touched counts as written, whatever the access was.
  await l2.run();
  await l2.setSlot(1, { gpa: dataGpa, buffer: data, dirtyLog: true });
  await l2.run();
  expect(await l2.dirtyLog(1)).toEqual([3, 12]);
  await l2.run();
  expect(await l2.dirtyLog(1)).toEqual([5]);
  expect(await l2.dirtyLog(1)).toEqual([]);
  // The log was read: the page is write-protected again, and its next write is noticed by a fault.
  const events = await traced(l1, { tracepoints: ['kvm/kvm_exit'] }, () => l2.run());
  expect(exitReasons(events)).toEqual(['npf', 'hlt']);
  expect(await l2.dirtyLog(1)).toEqual([5]);
});
