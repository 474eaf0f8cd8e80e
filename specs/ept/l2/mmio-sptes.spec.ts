import { randomBytes } from 'node:crypto';

import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import type { GuestPage } from '../../../lib/guest/l2/page-tables.js';
import { type FunctionProbe, traced, type TraceEvent } from '../../../lib/guest/trace/events.js';
import { encodeMmioSpte, walk } from '../../../lib/paging/index.js';
import { halt, program, readEachOfList, readQword } from '../../nested/support/code.js';
import { longModeGuest } from '../../nested/support/guest.js';
import { checkedMmio, markedMmio } from '../../nested/support/kvm-events.js';
import { mmioRead, mmioSpte } from '../../nested/support/mmio.js';
import { eptExits } from './support/exits.js';
import { spteOptions } from './support/spte-options.js';

const gib = 1n << 30n;
const count = 100;

const tracepoints = [
  'kvm/kvm_exit',
  'kvmmmu/mark_mmio_spte',
  'kvmmmu/handle_mmio_page_fault',
  'kvmmmu/check_mmio_spte',
] as const;
const makeMmioSpte: FunctionProbe = { name: 'make_mmio_spte', function: 'make_mmio_spte' };

/** L2's first 256 GiB, mapped onto themselves, from the second GiB on; below that are its code and tables. */
function identity(): GuestPage[] {
  return Array.from({ length: 255 }, (_, index) => {
    const address = BigInt(index + 1) * gib;
    return { linear: address, physical: address, level: 3 };
  });
}

/** Frames of the misconfigurations that KVM takes for a device's: the tracepoint kvmmmu:handle_mmio_page_fault. */
function handledFrames(events: readonly TraceEvent[]): bigint[] {
  return events
    .filter(({ name }) => name === 'handle_mmio_page_fault')
    .map(({ text }) => BigInt(`0x${/ gfn ([0-9a-f]+) /.exec(text)?.[1] ?? ''}`));
}

const occurrences = (events: readonly TraceEvent[], reason: string): number =>
  eptExits(events).filter((exit) => exit.reason === reason).length;

test('100 random addresses: each MMIO SPTE holds its page, with the bits that L1TF would give away moved, and the generation', async ({
  l2,
  ept,
  bochs,
  guest: l1,
  memory,
}) => {
  // Why the bits are moved, and which: a CPU with the bug, and 40 bits of physical address.
  expect(await l1.succeed(['cat', '/sys/devices/system/cpu/vulnerabilities/l1tf'])).not.toContain(
    'Not affected',
  );
  expect(await l1.succeed(['cat', '/proc/cpuinfo'])).toContain('40 bits physical');
  // Below and above 32 GiB, from where on such bits are set; one page each, so that no two share an entry.
  const addresses = Array.from({ length: count }, (_, index) => {
    const [low, high] = index % 2 === 0 ? [1n, 32n] : [32n, 256n];
    const page = randomBytes(8).readBigUInt64LE() % (((high - low) * gib) >> 12n);
    return low * gib + (page << 12n) + 8n * BigInt(index);
  });
  const frames = addresses.map((address) => address >> 12n);
  expect(new Set(frames).size).toBe(count);
  const l2Guest = await longModeGuest(l2, identity());
  const list = 0x1800n;
  await l2.write(l2Guest.slot.buffer.address + list, new Uint8Array(BigUint64Array.from(addresses).buffer));
  const readAll = async () => {
    await l2Guest.load(program(readEachOfList, halt), { rsi: list, rcx: BigInt(count) });
    expect(await l2.run({ exits: count + 1 })).toEqual([...addresses.map(mmioRead), { exit: 'hlt' }]);
  };
  const first = await traced(l1, { tracepoints }, readAll);
  const marked = markedMmio(first);
  expect(marked.map(({ gfn }) => gfn)).toEqual(frames);
  expect(occurrences(first, 'EPT_MISCONFIG')).toBe(0);
  expect(occurrences(first, 'EPT_VIOLATION')).toBeGreaterThanOrEqual(count);

  const space = await ept();
  await bochs.paused(async () => {
    for (const [index, address] of addresses.entries()) {
      const spte = await mmioSpte(memory.memory, space, address, spteOptions);
      const generation = marked[index]?.generation ?? -1;
      const gpa = address & ~0xfffn;
      expect(spte).toMatchObject({ gpa, generation, reason: 'misconfiguration', oddBits: 0n });
      // Put together from KVM's words, it is the entry to the bit.
      expect(encodeMmioSpte({ gpa, generation, access: spte.access }, spteOptions)).toBe(spte.raw);
    }
  });

  const again = await traced(l1, { tracepoints, probes: [makeMmioSpte] }, readAll);
  expect(again.filter(({ name }) => name === 'make_mmio_spte')).toEqual([]);
  expect(occurrences(again, 'EPT_MISCONFIG')).toBe(count);
  expect(occurrences(again, 'EPT_VIOLATION')).toBe(0);
  expect(handledFrames(again)).toEqual(frames);
  expect(checkedMmio(again).map(({ valid }) => valid)).toEqual(Array(count).fill(true));
});

test('a changed memory slot raises the generation, and an MMIO SPTE of an older one is not honoured', async ({
  l2,
  ept,
  bochs,
  guest: l1,
  memory,
}) => {
  const [device, becomesMemory] = [3n * gib, 5n * gib];
  const l2Guest = await longModeGuest(l2, identity());
  const reads = [device, becomesMemory];
  await l2Guest.load(program(...reads.map(readQword), halt));
  expect(await l2.run({ exits: 3 })).toEqual([...reads.map(mmioRead), { exit: 'hlt' }]);
  const space = await ept();
  const entry = (address: bigint) => bochs.paused(() => mmioSpte(memory.memory, space, address, spteOptions));
  const before = await entry(device);

  const buffer = await l2.alloc({ pages: 1, kind: 'memfd' });
  await l2.touch(buffer.address, { access: 'write', value: 0xfeedn });
  await l2.setSlot(1, { gpa: becomesMemory, buffer });
  // Nothing was taken out: the entries are there as they were, and stale.
  expect((await entry(device)).raw).toBe(before.raw);
  expect((await entry(becomesMemory)).generation).toBe(before.generation);

  await l2Guest.load(program(readQword(device), readQword(becomesMemory), halt));
  const events = await traced(l1, { tracepoints }, async () => {
    // The first is a device still; the second one is memory now, and comes out no more.
    expect(await l2.run({ exits: 2, value: 1n })).toEqual([mmioRead(device), { exit: 'hlt' }]);
  });
  expect((await l2.registers()).rax).toBe(0xfeedn);
  const after = await entry(device);
  expect(after.generation).toBeGreaterThan(before.generation);
  expect(checkedMmio(events)).toMatchObject(
    Array(2).fill({
      spteGeneration: before.generation,
      kvmGeneration: after.generation,
      valid: false,
    }) as object[],
  );
  // A stale entry is found out by the misconfiguration that it still causes, and is then looked up as any other fault.
  expect(occurrences(events, 'EPT_MISCONFIG')).toBe(2);
  expect(markedMmio(events)).toMatchObject([{ gfn: device >> 12n, generation: after.generation }]);
  const [frame] = await l2.framesOf(buffer.address, 1);
  expect(await bochs.paused(() => walk(memory.memory, space, becomesMemory))).toMatchObject({
    physicalAddress: frame,
  });
});
