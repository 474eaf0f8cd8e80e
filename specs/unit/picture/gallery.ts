import {
  decodeX86Entry,
  eptFormat,
  NotRamError,
  walkIommuSync,
  walkNestedSync,
  walkSync,
  x86Space,
  type Change,
  type ChangeSide,
  type IommuWalk,
  type MappedRange,
  type NestedWalk,
  type Rights,
  type ScanDiff,
  type SyncPhysicalMemory,
  type Walk,
} from '../../../lib/paging/index.js';
import {
  addressSpacePicture,
  diffPicture,
  iommuWalkPicture,
  nestedWalkPicture,
  registerPicture,
  tablePicture,
  timelinePicture,
  walkPicture,
  type MapRange,
  type TimelineEvent,
  type TimelinePhase,
} from '../../../lib/picture/index.js';

/** Physical memory that holds the given 64-bit words; zero elsewhere below `end`, and no RAM above. */
function memoryOf(words: ReadonlyMap<bigint, bigint>, end = 1n << 32n): SyncPhysicalMemory {
  const readSync = (address: bigint, length: number): Uint8Array => {
    if (address >= end) throw new NotRamError(address);
    const bytes = Buffer.alloc(length);
    for (let offset = 0; offset < length; offset += 8) {
      bytes.writeBigUInt64LE(words.get(address + BigInt(offset)) ?? 0n, offset);
    }
    return bytes;
  };
  return { readSync, read: (address, length) => Promise.resolve(readSync(address, length)) };
}

const CR3 = 0x3d1_a000n;
const PAGE = 0x7f12_3456_7000n;

/** Tables that map `PAGE` (indices 254, 72, 418, 359) and have something wrong at its neighbours. */
const tables = new Map<bigint, bigint>([
  [CR3 + 254n * 8n, 0x1f0c_9067n],
  [0x1f0c_9000n + 72n * 8n, 0x1f0c_a067n],
  [0x1f0c_a000n + 418n * 8n, 0x1f0c_b067n],
  [0x1f0c_b000n + 359n * 8n, 0x8000_0000_1f0b_a867n],
  [0x1f0c_b000n + 360n * 8n, 0x8000_0000_1f0b_a863n],
  [0x1f0c_b000n + 361n * 8n, 0x000f_0000_1f0b_a867n],
  [0x1f0c_a000n + 419n * 8n, 0x8000_0000_2000_00e7n],
  [0x1f0c_9000n + 73n * 8n, 0x4_0000_0067n],
  [0x1f0c_9000n + 74n * 8n, 0x8000_0000_4000_00e7n],
  [CR3 + 511n * 8n, 0x1f0d_0067n],
  [0x1f0d_0000n + 510n * 8n, 0x1f0d_1063n],
  [0x1f0d_1000n + 8n * 8n, 0x4000_01e7n],
  [0x3d1_c000n, CR3 | 0x67n],
]);

export const addresses = {
  page: PAGE + 0x123n,
  cleared: PAGE + 0x1000n,
  reservedBits: PAGE + 0x2000n,
  notPresent: PAGE + 0x9000n,
  emptyRoot: 0x50_0000n,
  large: 0x7f12_3461_2345n,
  unreadable: 0x7f12_5000_0000n,
  huge: 0x7f12_8234_5678n,
  kernelText: 0xffff_ffff_8100_0000n,
} as const;

export function walkTo(address: bigint, levels: 4 | 5 = 4): Walk {
  const cr3 = levels === 5 ? 0x3d1_c000n : CR3;
  return walkSync(
    memoryOf(tables),
    x86Space({ cr3, levels, kernel: '6.1', maxPhysicalAddress: 40 }),
    address,
  );
}

function rights(letters: string): Rights {
  const [read, write, execute, user] = ['r', 'w', 'x', 'u'].map((letter) => letters.includes(letter));
  return {
    read: read === true,
    write: write === true,
    execute: execute === true,
    user: user === true,
    userExecute: execute === true && user === true,
  };
}

export function range(start: bigint, size: bigint, letters: string, name?: string): MapRange {
  const mapped: MappedRange = {
    start,
    end: start + size,
    mappings: Number(size / 4096n),
    pageSize: 4096n,
    physicalAddress: start & 0x3fff_f000n,
    contiguous: size < 0x1_0000n,
    leafRights: rights(letters),
    effectiveRights: rights(letters),
  };
  return name === undefined ? mapped : { ...mapped, name };
}

export const process: MapRange[] = [
  range(0x40_0000n, 0x1000n, 'ru', '/usr/bin/vfio-map'),
  range(0x40_1000n, 0x9000n, 'rxu', '/usr/bin/vfio-map'),
  range(0x1c3_a000n, 0x2_1000n, 'rwu', '[heap]'),
  range(PAGE, 0x4000n, 'rw', 'DMA buffer: user bit cleared'),
  range(PAGE + 0x4000n, 0x20_0000n, 'rwu'),
  range(0x7ffc_0000_0000n, 0x2_1000n, 'rwu', '[stack]'),
  range(0xffff_8880_0000_0000n, 0x4000_0000n, 'rw', 'direct map'),
  range(0xffff_ffff_8100_0000n, 0xe0_0000n, 'rx', 'kernel text'),
  range(0xffff_ffff_c000_0000n, 0x4000n, 'rwx', 'module'),
];

/** 65,536 ranges in eight clusters that are 8 TiB apart. */
export function manyRanges(): MapRange[] {
  const ranges: MapRange[] = [];
  let start = 0x1_0000n;
  for (let index = 0; index < 65_536; index++) {
    const size = 4096n * BigInt(1 + ((index * 7919) % 13));
    ranges.push(range(start, size, ['rwu', 'rxu', 'ru', 'rw'][(index * 31) % 4] ?? 'r'));
    start += size + 4096n * BigInt(index % 3 === 0 ? 0 : (index * 104_729) % 50);
    if (index % 8192 === 8191) start += 1n << 43n;
  }
  return ranges;
}

export const phases: TimelinePhase[] = [
  { name: 'launch', kind: 'launch', start: -3400, end: -3280 },
  { name: 'boot: kernel', kind: 'boot', start: -3280, end: -1900 },
  { name: 'boot: init', kind: 'boot', start: -1900, end: -300 },
  { name: 'restore snapshot', kind: 'restore', start: 0, end: 92 },
  { name: 'first ssh command', kind: 'ssh', start: 92, end: 264 },
  { name: 'map 4 pages through VFIO', kind: 'mapping', start: 270, end: 610 },
  { name: 'walk 4 PTEs', kind: 'walk', start: 612, end: 612.4 },
  { name: 'expect user bit cleared', kind: 'assertion', start: 612.4, end: 1210, outcome: 'failed' },
  { name: 'teardown', kind: 'teardown', start: 1215, end: 1390 },
];

export const events: TimelineEvent[] = [
  { at: -3200, source: 'console', text: 'SeaBIOS (version 1.16.2-debian-1.16.2-1)' },
  ...Array.from({ length: 300 }, (_, index) => ({
    at: -3100 + index * 4,
    source: 'console',
    text: `[    0.${index}] boot line ${index}`,
  })),
  { at: -320, source: 'console', text: 'Server listening on 0.0.0.0 port 22.' },
  {
    at: 424,
    source: 'kernel log',
    text: 'vfio_iommu_type1: cleared _PAGE_USER of 0x7f1234567000: 0x800000001f0ba867 -> 0x800000001f0ba863',
  },
  {
    at: 425,
    source: 'kernel log',
    severity: 'warning',
    text: 'vfio_iommu_type1: huge PMD at 0x7f1234600000 skipped',
  },
  {
    at: 640,
    source: 'kernel log',
    severity: 'error',
    text: 'BUG: unable to handle page fault for ffff888000001000',
  },
];

const HOST = 0x1_0000_0000n;
const EPT_ROOT = 0x50_0000n;
const RTADDR = 0x60_0000n;

/** Two-dimensional: the guest's tables lie 4 GiB higher in host-physical memory, mapped by 2 MiB EPT pages. */
function nestedMemory(second: ReadonlyMap<bigint, bigint> = new Map()): SyncPhysicalMemory {
  const words = new Map<bigint, bigint>([
    [EPT_ROOT, 0x50_1107n],
    [0x50_1000n, 0x50_2107n],
  ]);
  for (let index = 0n; index < 256n; index++) {
    words.set(0x50_2000n + index * 8n, (HOST + index * 0x20_0000n) | 0xbb7n);
  }
  for (const [address, value] of second) words.set(address, value);
  for (const [address, value] of tables) words.set(HOST + address, value);
  return memoryOf(words, 0x8_0000_0000n);
}

/** An EPT entry with W and without R: the table that holds `PAGE`'s lower levels becomes a misconfiguration. */
const MISCONFIGURED = new Map([[0x50_2000n + 0xf8n * 8n, 0x1_1f00_00b2n]]);

function nestedWalkTo(address: bigint, second?: ReadonlyMap<bigint, bigint>): NestedWalk {
  return walkNestedSync(
    nestedMemory(second),
    {
      guest: x86Space({ cr3: CR3, kernel: '6.1', maxPhysicalAddress: 40 }),
      second: { format: eptFormat(), root: EPT_ROOT, levels: 4 },
    },
    address,
  );
}

/** Device 00:02.0 in domain 3 with 4 levels, which maps iova 0x100000 to frame 0xa3e8000. */
function iommuWalkTo(iova: bigint, fn = 0): IommuWalk {
  const context = 0x60_1000n + 0x10n * 16n;
  const words = new Map<bigint, bigint>([
    [RTADDR, 0x60_1001n],
    [context, 0x60_2001n],
    [context + 8n, 0x302n],
    [0x60_2000n, 0x60_3003n],
    [0x60_3000n, 0x60_4003n],
    [0x60_4000n, 0x60_5003n],
    [0x60_5000n + 0x100n * 8n, 0xa3e_8003n],
  ]);
  return walkIommuSync(
    memoryOf(words),
    { rtaddr: RTADDR, source: { bus: 0, device: 2, function: fn } },
    iova,
  );
}

export const pteBefore = decodeX86Entry(0x8000_0000_1f0b_a867n, 1, { kernel: '6.1', maxPhysicalAddress: 40 });
export const pteAfter = 0x8000_0000_1f0b_a863n;

function change(start: bigint, pages: number, before: bigint | undefined, after: bigint | undefined): Change {
  const side = (raw: bigint | undefined): ChangeSide | undefined =>
    raw === undefined ? undefined : { raw, level: 1, physicalAddress: raw & 0xf_ffff_ffff_f000n };
  return {
    kind: before === undefined ? 'mapped' : after === undefined ? 'unmapped' : 'changed',
    start,
    end: start + BigInt(pages) * 4096n,
    pages,
    before: side(before),
    after: side(after),
    set: 0n,
    cleared: before !== undefined && after !== undefined ? before & ~after : 0n,
    names: before !== undefined && after !== undefined ? ['-_PAGE_USER'] : [],
    moved: false,
    resized: false,
    rightsChanged: false,
  };
}

export const diff: ScanDiff = {
  complete: true,
  mappedBefore: () => 0,
  pages: { changed: 4, mapped: 2, unmapped: 1 },
  changes: [
    change(0x40_0000n, 1, 0x123_4067n, undefined),
    change(PAGE, 4, pteBefore.raw, pteAfter),
    change(0x7f22_3456_7000n, 2, undefined, 0x8000_0000_1f0b_a867n),
  ],
};

/** 5000 stretches that were mapped and one that was changed. */
const longDiff: ScanDiff = {
  complete: false,
  mappedBefore: () => 0,
  pages: { changed: 4, mapped: 5000, unmapped: 0 },
  changes: [
    ...Array.from({ length: 5000 }, (_, index) => change(BigInt(index) * 0x2000n, 1, undefined, 0x67n)),
    change(PAGE, 4, pteBefore.raw, pteAfter),
  ],
};

export const manyEvents: TimelineEvent[] = Array.from({ length: 10_000 }, (_, index) => ({
  at: index / 10,
  source: index % 3 === 0 ? 'kernel log' : 'console',
  text: `line ${index}`,
  ...(index === 7777 ? { severity: 'error' as const } : {}),
}));

/** One of every kind of picture and of every way in which it can look. */
export const gallery: Record<string, string> = {
  timeline: timelinePicture({ title: 'a DMA mapping takes its pages away from user mode', phases, events }),
  'timeline, empty': timelinePicture({ title: 'nothing happened', phases: [] }),
  'timeline, one long phase': timelinePicture({
    title: 'hung',
    phases: [{ name: 'boot: init, which waits for ever for something', kind: 'boot', start: 0 }],
    until: 20_000,
  }),
  'timeline, many events': timelinePicture({ title: 'a busy console', phases, events: manyEvents }),
  'timeline, many phases': timelinePicture({
    title: 'many steps',
    phases: Array.from({ length: 500 }, (_, index) => ({
      name: `step ${index}`,
      kind: 'other' as const,
      start: index * 10,
      end: index * 10 + (index % 17),
    })),
  }),
  register: registerPicture({
    title: 'PTE',
    fields: pteBefore.fields,
    value: { label: 'value', raw: pteBefore.raw },
  }),
  'register, compared': registerPicture({
    title: 'PTE',
    subtitle: 'of 0x7f1234567000',
    fields: pteBefore.fields,
    value: { label: 'seen', raw: pteBefore.raw },
    other: { label: 'expected', raw: pteAfter },
  }),
  ...Object.fromEntries(
    Object.entries(addresses).map(([name, address]) => [
      `walk, ${name}`,
      walkPicture({ title: `Walk, ${name}`, walk: walkTo(address), expected: { cleared: 4n } }),
    ]),
  ),
  'walk, 5 levels': walkPicture({ title: 'Walk', walk: walkTo(addresses.page, 5) }),
  nested: nestedWalkPicture({ title: 'L2', walk: nestedWalkTo(addresses.page), expected: { cleared: 4n } }),
  'nested, misconfigured': nestedWalkPicture({
    title: 'L2',
    walk: nestedWalkTo(addresses.page, MISCONFIGURED),
  }),
  'nested, guest fault': nestedWalkPicture({ title: 'L2', walk: nestedWalkTo(addresses.notPresent) }),
  iommu: iommuWalkPicture({ title: 'DMA', walk: iommuWalkTo(0x10_0000n), expected: { cleared: 2n } }),
  'iommu, not present': iommuWalkPicture({ title: 'DMA', walk: iommuWalkTo(0x20_0000n) }),
  'iommu, no context': iommuWalkPicture({ title: 'DMA', walk: iommuWalkTo(0x10_0000n, 1) }),
  map: addressSpacePicture({
    title: 'Process',
    ranges: process,
    marks: [{ address: PAGE, label: 'page under test' }],
  }),
  'map, many ranges': addressSpacePicture({
    title: 'Large',
    ranges: manyRanges(),
    marks: [{ address: 5n, label: 'null page' }],
  }),
  'map, EPT': addressSpacePicture({ title: 'EPT', format: 'ept', ranges: [range(0n, 0x20_0000n, 'rwxu')] }),
  'map, empty': addressSpacePicture({ title: 'Nothing', ranges: [] }),
  diff: diffPicture({ title: 'Before and after', diff }),
  table: tablePicture({
    title: 'Routes',
    subtitle: '1 open, 1 closed',
    columns: [
      { title: 'route', width: 330 },
      { title: 'verdict', width: 90 },
      { title: 'seen', width: 376 },
    ],
    rows: [
      [{ text: 'the process reads' }, { text: 'closed', tone: 'good' }, { text: 'SIGSEGV, error code 0x5' }],
      [
        {
          text: 'a second mapping of the same shared memory, made before the page was mapped for DMA: a read',
        },
        { text: 'open', tone: 'bad' },
        { text: 'the data was read <&> "quoted"' },
      ],
      [{ text: '' }, { text: 'changed', tone: 'warn' }, { text: '' }],
    ],
    notes: ['Nothing beside.'],
  }),
  'diff, long': diffPicture({ title: 'Before and after', diff: longDiff }),
  'diff, none': diffPicture({
    title: 'Same',
    diff: {
      changes: [],
      pages: { changed: 0, mapped: 0, unmapped: 0 },
      complete: true,
      mappedBefore: () => 0,
    },
  }),
};
