import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import {
  EPT_VPID_CAP,
  eptOptionsFrom,
  MSR_IA32_VMX_EPT_VPID_CAP,
  walkNested,
  x86Space,
} from '../../../lib/paging/index.js';
import { nestedWalkPicture } from '../../../lib/picture/index.js';
import { halt, program, readQword, writeQword } from '../../nested/support/code.js';
import { dataGpa, longModeGuest } from '../../nested/support/guest.js';
import { accessedAndDirty } from '../../nested/support/letters.js';
import { mappedWalk } from '../../nested/support/mapped-walk.js';

/** Linear addresses in L2 of the first and the second page of its data. */
const [first, second] = [0x7f00_0000_0000n, 0x7f00_0000_1000n];
const pages = [
  { linear: first, physical: dataGpa, level: 1 },
  { linear: second, physical: dataGpa + 4096n, level: 1 },
] as const;
/** Where L1's kernel maps all of its RAM, without KASLR (Documentation/x86/x86_64/mm.rst). */
const directMap = 0xffff_8880_0000_0000n;

test('the processor can set accessed and dirty flags in the EPT, and KVM has it do so', async ({
  l2,
  ept,
  bochs,
  guest: l1,
  memory,
}) => {
  // rdmsr, by the kernel's msr device: 8 bytes at the register's number.
  const text = await l1.succeed([
    'sh',
    '-c',
    'dd if=/dev/cpu/0/msr bs=8 count=1 iflag=skip_bytes skip=$1 2>/dev/null | od -An -tx8',
    'sh',
    String(MSR_IA32_VMX_EPT_VPID_CAP),
  ]);
  const capabilities = EPT_VPID_CAP.decode(BigInt(`0x${text.trim()}`));
  expect(capabilities).toMatchObject({ accessDirty: true, walkLength4: true, writeBack: true });
  expect(eptOptionsFrom(capabilities)).toMatchObject({ executeOnly: true });
  expect((await l1.succeed(['cat', '/sys/module/kvm_intel/parameters/eptad'])).trim()).toBe('Y');
  const guest = await longModeGuest(l2, []);
  await guest.load(halt);
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  // The page that its code is in.
  const space = await ept();
  const code = await bochs.paused(() => mappedWalk(memory.memory, space, 0x1000n));
  expect(code.leaf.entry).toMatchObject({ accessed: true, memoryType: 'WB', violations: [] });
});

test("a write by L2 dirties L2's PTE and the EPT's leaf, and neither L1's PTE of an alias nor its direct map", async ({
  l2,
  ept,
  bochs,
  memory,
}) => {
  const data = await l2.alloc({ pages: 2, kind: 'memfd' });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const alias = await l2.alias(data);
  // A read brings the alias's PTE in: accessed, and clean.
  expect(await l2.touch(alias.address)).toMatchObject({ outcome: 'done', value: 0n });
  const look = (address: bigint) => bochs.paused(() => mappedWalk(memory.memory, l2.space, address));
  const aliasBefore = await look(alias.address);
  const inDirectMap = directMap + aliasBefore.physicalAddress;
  const directBefore = await look(inDirectMap);
  expect(directBefore.physicalAddress).toBe(aliasBefore.physicalAddress);
  expect(accessedAndDirty(aliasBefore.leaf.raw)).toBe('A-');

  const guest = await longModeGuest(l2, pages);
  await guest.load(program(writeQword(first, 0xc0ffeen), halt));
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);

  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await ept() };
  const nested = await bochs.paused(() => walkNested(memory.memory, spaces, first));
  await test.info().attach('written-page.svg', {
    contentType: 'image/svg+xml',
    body: nestedWalkPicture({ title: 'A page that L2 wrote', walk: nested }),
  });
  expect(accessedAndDirty(nested.guest.leaf?.raw ?? 0n)).toBe('AD');
  expect(nested.nested.at(-1)?.walk.leaf?.entry).toMatchObject({ accessed: true, dirty: true });
  const aliasAfter = await look(alias.address);
  // The same page, whose content L1 sees changed through an entry that says it is clean.
  expect(aliasAfter.physicalAddress).toBe(nested.physicalAddress);
  expect(aliasAfter.leaf.raw).toBe(aliasBefore.leaf.raw);
  expect((await look(inDirectMap)).leaf.raw).toBe(directBefore.leaf.raw);
  expect(await l2.touch(alias.address)).toMatchObject({ outcome: 'done', value: 0xc0ffeen });
  // That the bit works for L1's own writes.
  await l2.touch(alias.address, { access: 'write', value: 1n });
  expect(accessedAndDirty((await look(alias.address)).leaf.raw)).toBe('AD');
});

test('a page that L2 only reads is accessed and clean in both dimensions', async ({
  l2,
  ept,
  bochs,
  memory,
}) => {
  const data = await l2.alloc({ pages: 2, kind: 'memfd' });
  await l2.touch(data.address, { access: 'write', value: 0xabn });
  // KVM maps what the program may write writable, and then dirty at once (make_spte in arch/x86/kvm/mmu/spte.c).
  await l2.setSlot(1, { gpa: dataGpa, buffer: await l2.alias(data, 'r') });
  const guest = await longModeGuest(l2, pages);
  await guest.load(program(readQword(first), halt));
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  expect((await l2.registers()).rax).toBe(0xabn);
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second: await ept() };
  const nested = await bochs.paused(() => walkNested(memory.memory, spaces, first));
  expect(accessedAndDirty(nested.guest.leaf?.raw ?? 0n)).toBe('A-');
  expect(nested.nested.at(-1)?.walk.leaf?.entry).toMatchObject({
    accessed: true,
    dirty: false,
    write: false,
  });
});
