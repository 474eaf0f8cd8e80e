import { randomBytes } from 'node:crypto';

import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/l2.js';
import type { L2Host } from '../../lib/guest/l2/l2-host.js';
import type { GuestPage } from '../../lib/guest/l2/page-tables.js';
import { type FunctionProbe, traced, type Tracepoint } from '../../lib/guest/trace/events.js';
import { encodeMmioSpte, PFERR, type SpteOptions, walk } from '../../lib/paging/index.js';
import { halt, program, readEachOfList, readQword, writeQword } from './support/code.js';
import { longModeGuest } from './support/guest.js';
import { checkedMmio, exitReasons, markedMmio, nestedFaults } from './support/kvm-events.js';
import { mmioRead, mmioSpte } from './support/mmio.js';

const gib = 1n << 30n;

/** An AMD host is not affected by L1TF, so that no address bits are moved; the first spec asks the kernel. */
const options: SpteOptions = { kernel: '6.1', mmu: 'npt' };

const tracepoints: Tracepoint[] = [
  'kvm/kvm_exit',
  'kvmmmu/mark_mmio_spte',
  'kvmmmu/handle_mmio_page_fault',
  'kvmmmu/check_mmio_spte',
];
const makeMmioSpte: FunctionProbe = {
  name: 'make_mmio_spte',
  function: 'make_mmio_spte',
  arguments: 'gfn=%si access=%dx',
  stack: true,
};

/** L2's first 256 GiB, mapped onto themselves, from the second GiB on; below that are its code and tables. */
function identity(): GuestPage[] {
  return Array.from({ length: 255 }, (_, index) => {
    const address = BigInt(index + 1) * gib;
    return { linear: address, physical: address, level: 3 };
  });
}

test('the first access outside of every slot makes an MMIO SPTE, the second one finds it and faults with RSVD', async ({
  l2,
  npt,
  guest: l1,
  machine,
  memory,
}) => {
  expect((await l1.succeed(['cat', '/sys/devices/system/cpu/vulnerabilities/l1tf'])).trim()).toBe(
    'Not affected',
  );
  const [device, other] = [3n * gib + 0xb0010n, 5n * gib];
  const l2Guest = await longModeGuest(l2, identity());
  // The access to another page in between: KVM remembers the last MMIO address and would look at nothing the second time.
  await l2Guest.load(
    program(
      halt,
      readQword(device),
      halt,
      readQword(other),
      halt,
      readQword(device),
      halt,
      writeQword(device, 0x1234n),
    ),
  );
  expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
  const access = (address: bigint, value: bigint) =>
    traced(l1, { tracepoints, probes: [makeMmioSpte] }, async () => {
      expect(await l2.run({ exits: 2, value })).toEqual([mmioRead(address), { exit: 'hlt' }]);
      expect((await l2.registers()).rax).toBe(value);
    });

  const first = await access(device, 0x11n);
  // The fault says that the entry is not there, on the final address, by a read.
  const [firstFault] = nestedFaults(first);
  expect(firstFault?.address).toBe(device);
  expect(PFERR['6.1'].decode(firstFault?.errorCode ?? 0n)).toMatchObject({
    present: false,
    reserved: false,
    write: false,
    guestFinal: true,
  });
  const made = first.filter(({ name }) => name === 'make_mmio_spte');
  expect(made.map(({ text }) => text)).toEqual([
    expect.stringContaining(`gfn=0x${(device >> 12n).toString(16)} `),
  ]);
  expect(made[0]?.stack).toEqual(
    expect.arrayContaining(['make_mmio_spte', 'kvm_tdp_mmu_map', 'kvm_mmu_page_fault', 'kvm_vcpu_ioctl']),
  );
  const stack = made[0]?.stack.join('\n') ?? '';
  await test.info().attach('make_mmio_spte-stack.txt', { body: `${stack}\n`, contentType: 'text/plain' });
  const [marked] = markedMmio(first);
  expect(marked?.gfn).toBe(device >> 12n);

  const space = await npt();
  const seen = await machine.paused(() => mmioSpte(memory.memory, space, device, options));
  expect(seen).toMatchObject({
    gpa: device & ~0xfffn,
    generation: marked?.generation,
    oddBits: 0n,
    reason: 'reserved-bits',
  });

  await access(other, 0x22n);
  const second = await access(device, 0x33n);
  expect(second.filter(({ name }) => name === 'make_mmio_spte')).toEqual([]);
  expect(markedMmio(second)).toEqual([]);
  const [secondFault] = nestedFaults(second);
  expect(secondFault?.address).toBe(device);
  expect(PFERR['6.1'].decode(secondFault?.errorCode ?? 0n)).toMatchObject({ reserved: true, write: false });
  // KVM's own look at the entry: the value that the walk read, and that it is good.
  expect(checkedMmio(second)).toEqual([
    { spte: seen.raw, kvmGeneration: seen.generation, spteGeneration: seen.generation, valid: true },
  ]);
  expect(exitReasons(second)).toEqual(['npf', 'hlt']);
  // A write goes the same way to the same entry.
  expect(await l2.run()).toEqual([{ exit: 'mmio', address: device, size: 8, write: true, value: 0x1234n }]);
});

test('100 random addresses: each MMIO SPTE holds its page and the generation', async ({
  l2,
  npt,
  guest: l1,
  machine,
  memory,
}) => {
  // Above and below 32 GiB, where hosts with the L1TF bug move bits; one page each, so that no two share an entry.
  const addresses = Array.from({ length: 100 }, (_, index) => {
    const [low, high] = index % 2 === 0 ? [1n, 32n] : [32n, 256n];
    return (
      low * gib +
      ((randomBytes(8).readBigUInt64LE() % (((high - low) * gib) >> 12n)) << 12n) +
      8n * BigInt(index)
    );
  });
  expect(new Set(addresses.map((address) => address >> 12n)).size).toBe(100);
  const l2Guest = await longModeGuest(l2, identity());
  const list = 0x1800n;
  await l2.write(l2Guest.slot.buffer.address + list, new Uint8Array(BigUint64Array.from(addresses).buffer));
  const readAll = async () => {
    await l2Guest.load(program(readEachOfList, halt), { rsi: list, rcx: 100n });
    expect(await l2.run({ exits: 101 })).toEqual([...addresses.map(mmioRead), { exit: 'hlt' }]);
  };
  const marked = markedMmio(await traced(l1, { tracepoints: ['kvmmmu/mark_mmio_spte'] }, readAll));
  expect(marked.map(({ gfn }) => gfn)).toEqual(addresses.map((address) => address >> 12n));

  const space = await npt();
  await machine.paused(async () => {
    for (const [index, address] of addresses.entries()) {
      const spte = await mmioSpte(memory.memory, space, address, options);
      const { access, generation } = marked[index] ?? {};
      const gpa = address & ~0xfffn;
      expect(spte).toMatchObject({ gpa, generation, access: (access ?? 0) & 0b110, reason: 'reserved-bits' });
      // Put together from KVM's words, it is the entry to the bit.
      expect(encodeMmioSpte({ gpa, generation: generation ?? 0, access: spte.access }, options)).toBe(
        spte.raw,
      );
    }
  });

  const again = await traced(l1, { tracepoints, probes: [makeMmioSpte] }, readAll);
  expect(again.filter(({ name }) => name === 'make_mmio_spte')).toEqual([]);
  const faults = nestedFaults(again);
  expect(faults.map(({ address }) => address)).toEqual(addresses);
  expect(faults.every(({ errorCode }) => PFERR['6.1'].decode(errorCode).reserved)).toBe(true);
  expect(checkedMmio(again).map(({ valid }) => valid)).toEqual(Array(100).fill(true));
});

test('a changed memory slot raises the generation, and an MMIO SPTE of an older one is not honoured', async ({
  l2,
  npt,
  guest: l1,
  machine,
  memory,
}) => {
  const [device, becomesMemory, other] = [3n * gib, 5n * gib, 7n * gib];
  const l2Guest = await longModeGuest(l2, identity());
  const reads = [device, becomesMemory, other];
  await l2Guest.load(program(...reads.map(readQword), halt));
  expect(await l2.run({ exits: 4 })).toEqual([...reads.map(mmioRead), { exit: 'hlt' }]);
  const space = await npt();
  const entry = (address: bigint) => machine.paused(() => mmioSpte(memory.memory, space, address, options));
  const before = await entry(device);

  const buffer = await l2.alloc({ pages: 1, kind: 'memfd' });
  await writeValue(l2, buffer.address, 0xfeedn);
  await l2.setSlot(1, { gpa: becomesMemory, buffer });
  // Nothing was taken out: the entries are there as they were, and stale.
  expect((await entry(device)).raw).toBe(before.raw);
  expect((await entry(becomesMemory)).generation).toBe(before.generation);

  await l2Guest.load(program(readQword(device), readQword(becomesMemory), halt));
  const events = await traced(l1, { tracepoints, probes: [makeMmioSpte] }, async () => {
    // The first is a device still; the second one is memory now, and comes out no more.
    expect(await l2.run({ exits: 2, value: 1n })).toEqual([mmioRead(device), { exit: 'hlt' }]);
  });
  expect((await l2.registers()).rax).toBe(0xfeedn);
  const checked = checkedMmio(events);
  expect(checked.map(({ spteGeneration, valid }) => ({ spteGeneration, valid }))).toEqual([
    { spteGeneration: before.generation, valid: false },
    { spteGeneration: before.generation, valid: false },
  ]);
  const after = await entry(device);
  expect(after.generation).toBeGreaterThan(before.generation);
  expect(checked.map(({ kvmGeneration }) => kvmGeneration)).toEqual([after.generation, after.generation]);
  expect(markedMmio(events)).toMatchObject([{ gfn: device >> 12n, generation: after.generation }]);
  const [frame] = await l2.framesOf(buffer.address, 1);
  expect(await machine.paused(() => walk(memory.memory, space, becomesMemory))).toMatchObject({
    physicalAddress: frame,
  });

  // So often that the generation no longer fits the lower one of its two fields. A change of flags leaves the tables alone.
  for (let change = 0; change < 130; change += 1) {
    await l2.setSlot(1, { gpa: becomesMemory, buffer, dirtyLog: change % 2 === 0 });
  }
  await l2Guest.load(program(readQword(device), halt));
  const late = await traced(l1, { tracepoints }, async () => {
    expect(await l2.run({ exits: 2 })).toEqual([mmioRead(device), { exit: 'hlt' }]);
  });
  const last = await entry(device);
  expect(last.generation).toBeGreaterThan(255);
  expect(markedMmio(late)).toMatchObject([{ gfn: device >> 12n, generation: last.generation }]);
});

async function writeValue(l2: L2Host, address: bigint, value: bigint): Promise<void> {
  expect(await l2.touch(address, { access: 'write', value })).toMatchObject({ outcome: 'done' });
}
