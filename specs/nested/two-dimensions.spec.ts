import { randomBytes } from 'node:crypto';

import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/l2.js';
import { type AddressSpace, walk, walkNested, x86Space } from '../../lib/paging/index.js';
import { nestedWalkPicture } from '../../lib/picture/index.js';
import { halt, program, readQword, writeQword } from './support/code.js';
import { dataGpa, longModeGuest } from './support/guest.js';

/** Linear addresses all over L2's space, and the page of the data that each leads to. */
const places = [
  { linear: 0x7f12_3456_7000n, page: 3 },
  { linear: 0xffff_8000_0000_1000n, page: 5 },
  { linear: 0x40_0000n, page: 0 },
] as const;
const offset = 0xe8n;

test('L2 virtual → L2 physical → L1 physical leads to what L2 wrote there', async ({
  l2,
  npt,
  machine,
  memory,
}) => {
  const data = await l2.alloc({ pages: 8, kind: 'memfd' });
  await l2.setSlot(1, { gpa: dataGpa, buffer: data });
  const guest = await longModeGuest(
    l2,
    places.map(({ linear, page }) => ({ linear, physical: dataGpa + BigInt(page) * 4096n, level: 1 })),
  );
  const written = places.map((place) => ({ ...place, value: randomBytes(8).readBigUInt64LE() }));
  await guest.load(program(...written.map(({ linear, value }) => writeQword(linear + offset, value)), halt));
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  // KVM's own word on the guest's root.
  expect((await l2.registers()).cr3).toBe(guest.cr3);

  const second = await npt();
  const spaces = { guest: x86Space({ cr3: guest.cr3 }), second };
  for (const { linear, page, value } of written) {
    const address = linear + offset;
    const nested = await machine.paused(() => walkNested(memory.memory, spaces, address));
    await test.info().attach(`nested-walk-0x${linear.toString(16)}.svg`, {
      contentType: 'image/svg+xml',
      body: nestedWalkPicture({
        title: `L2's 0x${address.toString(16)} in two dimensions`,
        subtitle: 'the small boxes are the NPT that KVM made in L1',
        walk: nested,
        start: { label: "L2's CR3", value: guest.cr3 },
      }),
    });
    const gpa = dataGpa + BigInt(page) * 4096n + offset;
    expect(nested).toMatchObject({ guestPhysicalAddress: gpa, secondFault: undefined });
    expect(nested.nested.map(({ purpose }) => purpose)).toEqual(['table', 'table', 'table', 'table', 'page']);
    expect(nested.nested.map(({ walk: { steps } }) => steps.length)).toEqual(Array(5).fill(second.levels));
    // The bytes, read from outside.
    expect(nested.physicalAddress).toBeDefined();
    const bytes = Buffer.from(await memory.memory.read(nested.physicalAddress ?? 0n, 8));
    expect(bytes.readBigUInt64LE()).toBe(value);
    // L1's view of the same page: its kernel's pagemap, the program's own tables, and the program's eyes.
    const inL1 = data.address + BigInt(page) * 4096n;
    expect(await l2.framesOf(inL1, 1)).toEqual([(nested.physicalAddress ?? 0n) - offset]);
    expect(await machine.paused(() => walk(memory.memory, l2.space, inL1 + offset))).toMatchObject({
      physicalAddress: nested.physicalAddress,
    });
    expect(await l2.touch(inL1 + offset)).toMatchObject({ outcome: 'done', value });
  }
});

test('a fault is found in the dimension that it is in', async ({ l2, npt, machine, memory }) => {
  const unbacked = 0x4000_0000n;
  const reached = 0x50_0000n;
  const absent = 0x50_1000n;
  // A neighbour of both that is there: its read has the nested tables lead to L2's table.
  const neighbour = 0x50_2000n;
  const guest = await longModeGuest(l2, [
    { linear: reached, physical: unbacked, level: 1 },
    { linear: neighbour, physical: 0n, level: 1 },
  ]);
  await guest.load(program(readQword(neighbour), halt, readQword(reached), halt, readQword(absent), halt));
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const spaces: { guest: AddressSpace; second: AddressSpace } = {
    guest: x86Space({ cr3: guest.cr3 }),
    second: await npt(),
  };
  const walked = (address: bigint) => machine.paused(() => walkNested(memory.memory, spaces, address));
  const inFirst = await walked(absent);
  expect(inFirst.guest.fault).toMatchObject({ reason: 'not-present', level: 1 });
  expect(inFirst).toMatchObject({ guestPhysicalAddress: undefined, secondFault: undefined });
  const inSecond = await walked(reached);
  expect(inSecond).toMatchObject({ guestPhysicalAddress: unbacked, physicalAddress: undefined });
  expect(inSecond.secondFault?.fault.reason).toBe('not-present');
  for (const [name, walkOf] of Object.entries({ first: inFirst, second: inSecond })) {
    const body = nestedWalkPicture({ title: `A fault in the ${name} dimension`, walk: walkOf });
    await test.info().attach(`fault-in-${name}.svg`, { body, contentType: 'image/svg+xml' });
  }
  // The same as L2 has it: an access that leaves for the program, and an exception that nothing handles.
  expect(await l2.run()).toEqual([
    { exit: 'mmio', address: unbacked, size: 8, write: false, value: undefined },
  ]);
  expect(await l2.run({ value: 7n })).toEqual([{ exit: 'hlt' }]);
  expect((await l2.registers()).rax).toBe(7n);
  expect(await l2.run()).toEqual([{ exit: 'shutdown' }]);
});
