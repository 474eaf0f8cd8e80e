import { expect, test } from '@playwright/test';
import {
  eptSpace,
  NonCanonicalAddressError,
  nptSpace,
  walkNested,
  walkNestedSync,
  x86Space,
  type AddressSpace,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';
import { TestMemory } from './support/test-memory.js';

const ADDRESS = 0x7f12_3456_7000n;
/** Guest-physical memory begins here in the host's. */
const OFFSET = 0x4000_0000n;

/** A guest whose page tables lie at guest-physical 0x100000 up, and the second dimension that maps them. */
function guest(kind: 'ept' | 'npt') {
  const inside = new TableBuilder();
  inside.map(ADDRESS, 0x20_3867n);
  const memory = new TestMemory();
  const flags = kind === 'ept' ? 0x907n : 0x67n;
  const outside = new TableBuilder({ memory, base: 0x8000_0000n, tableFlags: flags });
  const leaf = kind === 'ept' ? 0xb37n : 0x867n;
  for (let page = 0x100n; page < 0x108n; page += 1n) {
    const gpa = page << 12n;
    memory.addPage(OFFSET + gpa);
    outside.map(gpa, (OFFSET + gpa) | leaf);
  }
  for (let gpa = 0x10_0000n; gpa < 0x10_4000n; gpa += 8n)
    memory.write64(OFFSET + gpa, inside.memory.read64(gpa));
  outside.map(0x20_0000n, (OFFSET + 0x60_0000n) | leaf | 0x80n, 2);
  const second: AddressSpace =
    kind === 'ept' ? eptSpace({ eptp: outside.root | 0x5en }) : nptSpace({ cr3: outside.root });
  const spaces: { guest: AddressSpace; second: AddressSpace } = {
    guest: x86Space({ cr3: inside.root }),
    second,
  };
  return { spaces, memory, inside, outside };
}

for (const kind of ['ept', 'npt'] as const) {
  test(`L2 virtual → L2 physical → L1 physical through ${kind.toUpperCase()}, every nested step recorded`, () => {
    const { spaces, memory } = guest(kind);
    const result = walkNestedSync(memory, spaces, ADDRESS + 0x10n);
    expect(result).toMatchObject({
      guestPhysicalAddress: 0x20_3010n,
      physicalAddress: OFFSET + 0x60_3010n,
      secondFault: undefined,
      guest: { mapped: true, format: 'x86' },
    });
    expect(result.nested.map((step) => [step.purpose, step.guestPhysical, step.walk.steps.length])).toEqual([
      ...result.guest.steps.map((step) => ['table', step.entryAddress, 4]),
      ['page', 0x20_3010n, 3],
    ]);
    // Four guest entries and, for each of them and for the page, the entries of the second dimension.
    expect(memory.reads).toHaveLength(4 + 4 * 4 + 3);
    expect(result.nested.every((step) => step.walk.format === kind)).toBe(true);
  });
}

test('a fault in the guest’s own tables is the guest’s', () => {
  const { spaces, memory } = guest('ept');
  const result = walkNestedSync(memory, spaces, ADDRESS + 0x1000n);
  expect(result).toMatchObject({
    guest: { mapped: false, fault: { reason: 'not-present', level: 1 } },
    physicalAddress: undefined,
    guestPhysicalAddress: undefined,
    secondFault: undefined,
  });
});

test('a guest table that the second dimension does not map', () => {
  const { spaces, memory, outside } = guest('ept');
  memory.write64(outside.entryAddress(0x10_2000n, 1), 0n);
  const result = walkNestedSync(memory, spaces, ADDRESS);
  expect(result.guest.fault).toMatchObject({ reason: 'unreadable', level: 2 });
  expect(result.secondFault).toMatchObject({ mapped: false, fault: { reason: 'not-present', level: 1 } });
  expect(result.physicalAddress).toBeUndefined();
});

test('a page that is an MMIO page in the second dimension', () => {
  const { spaces, memory, outside } = guest('ept');
  memory.write64(outside.entryAddress(0x20_0000n, 2), 0xb_0046n);
  const result = walkNestedSync(memory, spaces, ADDRESS);
  expect(result).toMatchObject({
    guest: { mapped: true },
    guestPhysicalAddress: 0x20_3000n,
    physicalAddress: undefined,
    secondFault: { fault: { reason: 'misconfiguration', level: 2 } },
  });
});

test('a guest-physical address that is wider than the second dimension is mapped by nothing', () => {
  const { spaces, memory, inside } = guest('npt');
  const pt = inside.entryAddress(ADDRESS, 1);
  memory.write64(OFFSET + pt, (1n << 50n) | 0x867n);
  expect(walkNestedSync(memory, spaces, ADDRESS)).toMatchObject({
    guestPhysicalAddress: 1n << 50n,
    physicalAddress: undefined,
    secondFault: { fault: { reason: 'not-present', level: 4, raw: undefined } },
  });
});

test('the asynchronous driver gives the same; a non-canonical address is rejected', async () => {
  const { spaces, memory } = guest('ept');
  expect(await walkNested(memory, spaces, ADDRESS)).toEqual(walkNestedSync(memory, spaces, ADDRESS));
  expect(() => walkNestedSync(memory, spaces, 1n << 47n)).toThrow(NonCanonicalAddressError);
});
