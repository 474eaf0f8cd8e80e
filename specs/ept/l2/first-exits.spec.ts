import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import {
  type FunctionProbe,
  traced,
  type TraceEvent,
  type Tracepoint,
} from '../../../lib/guest/trace/events.js';
import { EPT_VIOLATION } from '../../../lib/paging/index.js';
import { halt, program, readQword } from '../../nested/support/code.js';
import { longModeGuest } from '../../nested/support/guest.js';
import { markedMmio } from '../../nested/support/kvm-events.js';
import { mmioRead, mmioSpte } from '../../nested/support/mmio.js';
import { eptExits } from './support/exits.js';
import { spteOptions } from './support/spte-options.js';

const gib = 1n << 30n;

const tracepoints: Tracepoint[] = ['kvm/kvm_exit', 'kvmmmu/mark_mmio_spte', 'kvmmmu/handle_mmio_page_fault'];
const makeMmioSpte: FunctionProbe = {
  name: 'make_mmio_spte',
  function: 'make_mmio_spte',
  arguments: 'gfn=%si access=%dx',
  stack: true,
};

/** The way of a violation through the tables, and that of a misconfiguration, which knows all from the entry. */
const ways: FunctionProbe[] = ['kvm_tdp_mmu_map', 'handle_ept_violation', 'handle_ept_misconfig'].map(
  (name) => ({ name, function: name }),
);

test('the first access outside of every slot exits as a violation (48), the second as a misconfiguration (49)', async ({
  l2,
  ept,
  bochs,
  guest: l1,
  memory,
}) => {
  const device = 3n * gib + 0xb0010n;
  const other = 5n * gib;
  const l2Guest = await longModeGuest(l2, [
    { linear: 3n * gib, physical: 3n * gib, level: 3 },
    { linear: 5n * gib, physical: 5n * gib, level: 3 },
  ]);
  await l2Guest.load(program(halt, readQword(device), halt, readQword(other), halt, readQword(device), halt));
  const access = (address: bigint) =>
    traced(l1, { tracepoints, probes: [makeMmioSpte, ...ways] }, async () => {
      expect(await l2.run({ exits: 2, value: 0x11n })).toEqual([mmioRead(address), { exit: 'hlt' }]);
      expect((await l2.registers()).rax).toBe(0x11n);
    });

  // First touches of RAM: L2's tables, and its code.
  const touches = eptExits(await traced(l1, { tracepoints }, () => l2.run()));
  expect(touches[0]).toMatchObject({ reason: 'EPT_VIOLATION' });
  expect(touches.at(-1)).toMatchObject({ reason: 'HLT' });

  const first = await access(device);
  const [violation, ...rest] = eptExits(first);
  expect(violation?.reason).toBe('EPT_VIOLATION');
  expect(EPT_VIOLATION.decode(violation?.qualification ?? 0n)).toMatchObject({
    read: true,
    write: false,
    fetch: false,
    readable: false,
    linearAddressValid: true,
    linearAddressTranslated: true,
  });
  expect(rest.map(({ reason }) => reason)).toEqual(['HLT']);
  const made = first.filter(({ name }) => name === 'make_mmio_spte');
  expect(made).toHaveLength(1);
  // Frame pointers leave out who called a function that has no frame: kvm_tdp_mmu_map, whose own event comes before.
  expect(made[0]?.stack).toEqual(
    expect.arrayContaining(['make_mmio_spte', 'kvm_tdp_page_fault', 'kvm_mmu_page_fault', 'kvm_vcpu_ioctl']),
  );
  const names = [...ways.map(({ name }) => name), 'make_mmio_spte'];
  const onTheWay = (events: readonly TraceEvent[]) =>
    events.map(({ name }) => name).filter((name) => names.includes(name));
  expect(onTheWay(first)).toEqual(['handle_ept_violation', 'kvm_tdp_mmu_map', 'make_mmio_spte']);
  await test.info().attach('make_mmio_spte-stack.txt', { body: `${made[0]?.stack.join('\n') ?? ''}\n` });
  const [marked] = markedMmio(first);
  expect(marked?.gfn).toBe(device >> 12n);

  const space = await ept();
  const seen = await bochs.paused(() => mmioSpte(memory.memory, space, device, spteOptions));
  expect(seen).toMatchObject({
    gpa: device & ~0xfffn,
    generation: marked?.generation,
    access: 0,
    oddBits: 0n,
    reason: 'misconfiguration',
  });
  // The deliberate misconfiguration: writes and fetches are permitted, reads are not.
  expect(seen.raw & 7n).toBe(0b110n);

  await access(other);
  const second = await access(device);
  expect(onTheWay(second)).toEqual(['handle_ept_misconfig']);
  expect(eptExits(second).map(({ reason }) => reason)).toEqual(['EPT_MISCONFIG', 'HLT']);
});
