import { expect, test } from '@playwright/test';

import { joined } from '../../../lib/guest/process/mapped-area.js';
import { type ProcessHost, SeenProcess } from '../../../lib/guest/process/seen-process.js';
import { parseSmaps } from '../../../lib/guest/process/smaps.js';
import { type AddressSpace, hex, scanSync, type X86Entry, x86Space } from '../../../lib/paging/index.js';
import { TableBuilder } from '../paging/support/table-builder.js';

const start = 0x7f00_0000_0000n;

const smaps = (
  rss = 8,
): string => `7f0000000000-7f0000400000 rw-p 00000000 00:00 0                          [heap of a: b]
Size:               4096 kB
Rss:                   ${rss} kB
Swap:                  4 kB
THPeligible:    1
VmFlags: rd wr mr mw me ac sd
7f0000800000-7f0000a00000 ---s 00001000 08:01 77                         /a file
Rss:                2048 kB
Private_Hugetlb:       0 kB
VmFlags: sh mr
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
VmFlags: ex
`;

function builder(): TableBuilder {
  const tables = new TableBuilder();
  tables.map(start, 0x1f0b_a867n);
  tables.map(start + 0x1000n, 0xf_ffff_e0f4_5120n);
  tables.map(start + 0x2000n, ((1n << 50n) - 1n) << 9n);
  tables.map(start + 0x3000n, (23n << 59n) | (((1n << 50n) - 0x5n) << 9n));
  tables.map(start + 0x80_0000n, 0x4000_00e7n, 2);
  return tables;
}

test('smaps: head, flags and sizes of each area, without the one that is of no process', () => {
  const areas = parseSmaps(smaps());
  expect(areas).toMatchObject([
    {
      start,
      end: start + 0x40_0000n,
      path: '[heap of a: b]',
      shared: false,
      kiB: { Size: 4096, Rss: 8, Swap: 4 },
    },
    { start: start + 0x80_0000n, shared: true, inode: 77n, offset: 0x1000n, kiB: { Rss: 2048 } },
  ]);
  expect(areas[0]?.kiB).not.toHaveProperty('THPeligible');
  expect([...(areas[1]?.flags.names ?? [])]).toEqual(['VM_SHARED', 'VM_MAYREAD']);
  expect(parseSmaps('')).toEqual([]);
});

test('each area has its entries, counted by what the kernel means by them, as its version has it', () => {
  const tables = builder();
  const seen = scanSync(tables.memory, x86Space({ cr3: tables.root }), { range: 'user' });
  const [first, second] = joined(parseSmaps(smaps()), seen, '6.1.0-50-amd64');
  expect(first?.pages).toEqual({ present: 1, 'prot-none': 1, swap: 1, migration: 1 });
  expect(first?.entries.map(({ address }) => address - start)).toEqual([0n, 0x1000n, 0x2000n, 0x3000n]);
  expect(first?.entries[3]?.entry.linux).toMatchObject({ state: 'migration', physicalAddress: 0x4000n });
  expect(second?.pages).toEqual({ present: 512 });
  expect(joined(parseSmaps(smaps()), seen, '6.12.3')[0]?.pages).toMatchObject({ poisoned: 1 });
});

class Fake extends SeenProcess {
  readonly pid = 7;
  readonly host: ProcessHost;
  readonly #space: AddressSpace<X86Entry>;
  readonly told: string[] = [];
  stops = 0;

  constructor(outputs: readonly string[], exitCode = 0) {
    super();
    const tables = builder();
    this.#space = x86Space({ cr3: tables.root });
    const left = [...outputs];
    const run = () =>
      Promise.resolve({ exitCode, stdout: `6.1.0\n${left.shift() ?? ''}`, stderr: 'no smaps' });
    const machine = {
      guard: <T>(work: Promise<T>) => work,
      paused: <T>(work: () => Promise<T>) => {
        this.stops += 1;
        return work();
      },
    };
    const onWalk: ProcessHost['onWalk'] = (_, address, seen) =>
      this.told.push(`${'steps' in seen ? 'walk' : 'run'}: ${hex(address)}`);
    this.host = { machine, guest: { run }, memory: tables.memory, onWalk } as unknown as ProcessHost;
  }

  override tables(): Promise<AddressSpace<X86Entry>> {
    return Promise.resolve(this.#space);
  }
}

test('smaps and entries are of one moment: what changed meanwhile is looked at again, and not for ever', async () => {
  const restless = new Fake([smaps(4), smaps(8), smaps(8)]);
  expect((await restless.mappings())[0]?.kiB.Rss).toBe(8);
  const never = new Fake(Array.from({ length: 20 }, (_, look) => smaps(look)));
  await expect(never.mappings()).rejects.toThrow(/Process 7 changes its memory while it is looked at/);
  await expect(new Fake([], 1).mappings()).rejects.toThrow(/memory of process 7: no smaps\./);
});

test('each look tells of a walk, for which the machine is stopped once', async () => {
  const process = new Fake([]);
  await process.entries(start, 2);
  await process.walk(start + 0x20_0000n);
  // Somebody who looks through a reader of their own is not the test.
  await process.walk(start, process.host.memory);
  expect(process.stops).toBe(3);
  expect(process.told).toEqual([`run: ${hex(start)}`, `walk: ${hex(start + 0x20_0000n)}`]);
});

test('a range is of whole pages', () => {
  const process = new Fake([]);
  const range = process.range(start, 4);
  expect([range.size, range.pageAddress(3), range.pageAt(start + 0x3fffn)]).toEqual([
    0x4000n,
    start + 0x3000n,
    3,
  ]);
  expect(range.toString()).toBe('4 pages at 0x7f0000000000 of process 7');
  expect(() => process.range(start + 8n)).toThrow('must be the address of a page: a multiple of 4096');
  expect(() => process.range(start, 0)).toThrow('pages must be a whole number from 1');
});
