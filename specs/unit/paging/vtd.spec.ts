import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  decodeContextEntry,
  decodeRootEntry,
  decodeRootTableAddress,
  decodeSecondLevelEntry,
  encodeContextEntry,
  encodeRootEntry,
  encodeRootTableAddress,
  encodeSecondLevelEntry,
  InvalidArgumentError,
  scanSync,
  secondLevelSpace,
  walkIommu,
  walkIommuSync,
  type Depth,
  type IommuOptions,
} from '../../../lib/paging/index.js';
import { level, uint64 } from './support/arbitraries.js';
import { isWholeLayout } from './support/layout.js';
import { TableBuilder } from './support/table-builder.js';

const SOURCE = { bus: 1, device: 2, function: 3 };

/** An IOMMU with one device, whose iova 0x100000 maps 0xa3e8000. */
function iommu(levels: Depth = 4) {
  const tables = new TableBuilder({ levels, tableFlags: 3n });
  tables.map(0x10_0000n, 0xa3e_8003n);
  const root = tables.newTable();
  const context = tables.newTable();
  const rootEntry = root + 16n * 1n;
  const contextEntry = context + 16n * (2n * 8n + 3n);
  tables.memory.write64(rootEntry, context | 1n);
  tables.memory.write64(contextEntry, tables.root | 1n);
  tables.memory.write64(contextEntry + 8n, BigInt(levels - 2) | (7n << 8n));
  const options: IommuOptions = { rtaddr: root, source: SOURCE };
  return { tables, memory: tables.memory, rootEntry, contextEntry, options };
}

test('follows a device’s access from RTADDR_REG down, with three, four and five levels', () => {
  for (const levels of [3, 4, 5] as const) {
    const { memory, options, rootEntry, contextEntry, tables } = iommu(levels);
    const walk = walkIommuSync(memory, options, 0x10_0008n);
    expect(walk).toMatchObject({
      rootTable: { mode: 'legacy' },
      root: { address: rootEntry, entry: { present: true } },
      context: {
        address: contextEntry,
        entry: { present: true, domain: 7, levels, table: tables.root, translationType: 'second-level' },
      },
      physicalAddress: 0xa3e_8008n,
      rights: { read: true, write: true },
      fault: undefined,
    });
    expect(walk.translation?.steps).toHaveLength(levels);
    expect(memory.reads.slice(0, 2).map((read) => read.length)).toEqual([16, 16]);
  }
});

test('what a device may do is the AND over the levels', () => {
  const { memory, tables, options } = iommu();
  const pd = tables.entryAddress(0x10_0000n, 2);
  memory.write64(pd, memory.read64(pd) & ~2n);
  expect(walkIommuSync(memory, options, 0x10_0000n)).toMatchObject({ rights: { read: true, write: false } });
  memory.write64(tables.entryAddress(0x10_0000n, 1), 0xa3e_8002n);
  const none = walkIommuSync(memory, options, 0x10_0000n);
  expect(none).toMatchObject({ physicalAddress: 0xa3e_8000n, rights: { read: false, write: false } });
});

test('super pages', () => {
  const { memory, tables, options } = iommu();
  tables.map(0x4000_0000n, 0x8000_0083n, 3);
  tables.map(0x20_0000n, 0x60_0081n, 2);
  expect(walkIommuSync(memory, options, 0x4000_1234n)).toMatchObject({ physicalAddress: 0x8000_1234n });
  expect(walkIommuSync(memory, options, 0x20_1234n)).toMatchObject({
    physicalAddress: 0x60_1234n,
    rights: { read: true, write: false },
  });
});

test.describe('faults', () => {
  const faultOf = (change: (setup: ReturnType<typeof iommu>) => void, iova = 0x10_0000n) => {
    const setup = iommu();
    change(setup);
    const walk = walkIommuSync(setup.memory, setup.options, iova);
    expect(walk.physicalAddress).toBeUndefined();
    expect(walk.rights).toBeUndefined();
    return { ...walk.fault, setup, walk };
  };

  test('a bus and a device without tables', () => {
    const root = faultOf(({ memory, rootEntry }) => {
      memory.write64(rootEntry, 0n);
    });
    expect(root).toMatchObject({ reason: 'root-not-present', entryAddress: root.setup.rootEntry });
    expect(root.message).toMatch(/^iova 0x100000 of device 01:02\.3 has no translation: the root entry at/);
    const context = faultOf(({ memory, contextEntry }) => {
      memory.write64(contextEntry, memory.read64(contextEntry) & ~1n);
    });
    expect(context).toMatchObject({
      reason: 'context-not-present',
      entryAddress: context.setup.contextEntry,
    });
  });

  test('an iova that is not mapped, with the fault of the walk', () => {
    const fault = faultOf(() => undefined, 0x10_1000n);
    expect(fault).toMatchObject({ reason: 'second-level', walkFault: { reason: 'not-present', level: 1 } });
    expect(fault.walk.translation?.mapped).toBe(false);
  });

  test('an iova that is too wide for the domain', () => {
    expect(faultOf(() => undefined, 1n << 48n)).toMatchObject({ reason: 'address-too-wide' });
  });

  test('reserved values in the root and context entries', () => {
    expect(
      faultOf(({ memory, rootEntry }) => {
        memory.write64(rootEntry + 8n, 1n);
      }),
    ).toMatchObject({ reason: 'reserved-bits' });
    expect(
      faultOf(({ memory, contextEntry }) => {
        memory.write64(contextEntry, memory.read64(contextEntry) | 0xcn);
      }),
    ).toMatchObject({ reason: 'translation-type' });
    for (const width of [0n, 4n, 7n]) {
      expect(
        faultOf(({ memory, contextEntry }) => {
          memory.write64(contextEntry + 8n, width);
        }),
      ).toMatchObject({ reason: 'address-width' });
    }
  });

  test('reserved bits of a second-level entry', () => {
    const fault = faultOf(({ memory, tables }) => {
      memory.write64(tables.entryAddress(0x10_0000n, 2), 0x1f_f083n);
    });
    expect(fault).toMatchObject({ reason: 'second-level', walkFault: { reason: 'reserved-bits', level: 2 } });
  });

  test('root and context tables outside RAM', () => {
    const root = walkIommuSync(iommu().memory, { rtaddr: 0xdead_0000n, source: SOURCE }, 0n);
    expect(root.fault).toMatchObject({ reason: 'unreadable', entryAddress: 0xdead_0010n });
    expect(
      faultOf(({ memory, rootEntry }) => {
        memory.write64(rootEntry, 0xdead_0001n);
      }),
    ).toMatchObject({ reason: 'unreadable', entryAddress: 0xdead_0130n });
  });

  test('scalable, reserved and abort modes are recognised by name', () => {
    const { memory, options } = iommu();
    const modeOf = (bits: bigint) =>
      walkIommuSync(memory, { ...options, rtaddr: options.rtaddr | (bits << 10n) }, 0n).fault;
    expect(modeOf(1n)).toMatchObject({
      reason: 'mode',
      message: expect.stringContaining('selects scalable mode'),
    });
    expect(modeOf(2n)?.message).toContain('reserved mode');
    expect(modeOf(3n)?.message).toContain('abort-dma mode');
  });
});

test('pass-through uses the address as it is', () => {
  const { memory, options, contextEntry } = iommu();
  memory.write64(contextEntry, 9n);
  expect(walkIommuSync(memory, options, 0xabc_d123n)).toMatchObject({
    translation: undefined,
    physicalAddress: 0xabc_d123n,
    rights: { read: true, write: true },
  });
});

test('a device TLB does not change the walk', () => {
  const { memory, options, contextEntry } = iommu();
  memory.write64(contextEntry, memory.read64(contextEntry) | 4n);
  expect(walkIommuSync(memory, options, 0x10_0000n)).toMatchObject({
    context: { entry: { translationType: 'device-tlb' } },
    physicalAddress: 0xa3e_8000n,
  });
});

test('the asynchronous driver gives the same; a source that no function can have is rejected', async () => {
  const { memory, options } = iommu();
  expect(await walkIommu(memory, options, 0x10_0000n)).toEqual(walkIommuSync(memory, options, 0x10_0000n));
  for (const source of [
    { ...SOURCE, bus: 256 },
    { ...SOURCE, device: 32 },
    { ...SOURCE, function: 8 },
    { ...SOURCE, bus: -1 },
  ]) {
    expect(() => walkIommuSync(memory, { ...options, source }, 0n)).toThrow(InvalidArgumentError);
  }
});

test('a domain can be scanned on its own', () => {
  const { tables } = iommu(3);
  const scanned = scanSync(tables.memory, secondLevelSpace({ table: tables.root, levels: 3 }));
  expect([...scanned].map((mapping) => [mapping.address, mapping.physicalAddress])).toEqual([
    [0x10_0000n, 0xa3e_8000n],
  ]);
});

test.describe('entries', () => {
  test('a second-level leaf with every named bit', () => {
    expect(decodeSecondLevelEntry((1n << 62n) | 0xa3e_8b03n, 1)).toMatchObject({
      kind: 'leaf',
      address: 0xa3e_8000n,
      read: true,
      write: true,
      accessed: true,
      dirty: true,
      snoop: true,
      transientMapping: true,
      otherBits: 0n,
    });
    expect(decodeSecondLevelEntry(0x1001n, 1)).toMatchObject({ read: true, write: false, snoop: false });
    expect(decodeSecondLevelEntry(0x1002n, 1)).toMatchObject({ present: true, read: false, write: true });
    expect(decodeSecondLevelEntry(0x1f_f0fcn, 2)).toMatchObject({
      present: false,
      kind: 'not-present',
      violations: [],
    });
  });

  test('the address of a super page is aligned even where reserved bits below it are set', () => {
    expect(decodeSecondLevelEntry(0x4021_f083n, 2).address).toBe(0x4020_0000n);
    expect(decodeSecondLevelEntry(0x7fff_f083n, 3).address).toBe(0x4000_0000n);
  });

  test('reserved bits per level', () => {
    const bits = (raw: bigint, at: 1 | 2 | 3 | 4 | 5) =>
      decodeSecondLevelEntry(raw, at, { maxPhysicalAddress: 39 }).violations[0]?.bits ?? 0n;
    expect(bits(0x83n, 4)).toBe(0x80n);
    expect(bits(0x83n, 5)).toBe(0x80n);
    expect(bits(0x1f_f083n, 2)).toBe(0x1f_f000n);
    expect(bits(0x3fff_f083n, 3)).toBe(0x3fff_f000n);
    expect(bits(0x1083n, 1)).toBe(0n);
    expect(bits((1n << 39n) | 3n, 1)).toBe(1n << 39n);
    expect(bits((1n << 38n) | 3n, 1)).toBe(0n);
    expect(bits((1n << 39n) | 3n, 3)).toBe(1n << 39n);
  });

  test('encode(decode(x)) = x for all of them', () => {
    fc.assert(
      fc.property(uint64, level, (raw, at) => {
        const entry = decodeSecondLevelEntry(raw, at, { maxPhysicalAddress: 39 });
        return encodeSecondLevelEntry({ ...entry, raw: 0n }) === raw && isWholeLayout(entry.fields);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(uint64, uint64, (low, high) => {
        const root = encodeRootEntry(decodeRootEntry(low, high));
        const context = encodeContextEntry(decodeContextEntry(low, high));
        return (
          root.low === low &&
          root.high === high &&
          context.low === low &&
          context.high === high &&
          encodeRootTableAddress(decodeRootTableAddress(low)) === low &&
          isWholeLayout(decodeRootEntry(low, high).fields) &&
          isWholeLayout(decodeContextEntry(low, high).fields) &&
          isWholeLayout(decodeContextEntry(low, high).highFields) &&
          isWholeLayout(decodeRootTableAddress(low).fields)
        );
      }),
      { numRuns: 500 },
    );
  });

  test('a context entry: width 66:64, domain 87:72', () => {
    const widths = [0n, 1n, 2n, 3n, 4n].map((width) => decodeContextEntry(1n, width).levels);
    expect(widths).toEqual([undefined, 3, 4, 5, undefined]);
    expect(decodeContextEntry(0x1234_5003n, 0x1234_5602n)).toMatchObject({
      present: true,
      faultProcessingDisable: true,
      table: 0x1234_5000n,
      domain: 0x3456,
      levels: 4,
      otherHighBits: 0x1200_0000n,
    });
  });
});
