import {
  decodeEptEntry,
  decodeX86Entry,
  describe,
  diffScans,
  encodeEptEntry,
  encodeX86Entry,
  eptSpace,
  isNotRam,
  mappedRanges,
  NotRamError,
  nptSpace,
  PagingError,
  scanSync,
  secondLevelSpace,
  summary,
  walkIommuSync,
  walkNestedSync,
  walkRangeSync,
  walkSync,
  x86Space,
  type AddressSpace,
  type Level,
  type SyncPhysicalMemory,
} from '../../../lib/paging/index.js';
import { addressSpacePicture, walkPicture } from '../../../lib/picture/index.js';
import { type FuzzOptions, isRefused, pick, type Random, randomBits, repeat } from './random.js';

/** What the run met. A kind of thing that never came up was not tested. */
function noCounts() {
  return {
    /** Walks that ended at a page, and by how they ended otherwise. */
    mapped: 0,
    faults: {} as Record<string, number>,
    mappings: 0,
    problems: 0,
    /** Questions that were refused with a typed error. */
    refused: 0,
  };
}
type Counts = ReturnType<typeof noCounts>;

/** Few tables, so that random entries meet each other: cycles, shared tables, tables that are their own page. */
const PAGES = 16;
const BYTES = PAGES * 4096;
/** What a hostile image may cost is what is tested, and it is proportional to the bounds: mostly small ones. */
const SMALL = { maxTables: 12, maxMappings: 600, maxVisits: 24, maxProblems: 32 };
const LARGE = { maxTables: 64, maxMappings: 4_096, maxVisits: 512, maxProblems: 32 };
const ADDRESS = 0x000f_ffff_ffff_f000n;

/**
 * Walks, scans and compares images of memory in which every table entry is random, in all formats.
 *
 * @throws Error when anything throws that is not a typed error, a walk and a scan of the same image disagree, an entry does not come
 *   back from its decoder, or a bound is passed; the message holds seed and iteration
 */
export function run(options: FuzzOptions) {
  const counts = noCounts();
  const image = new Image();
  return repeat(options, counts, (random, iteration) => {
    image.change(random);
    checkEntry(random);
    checkSpace(image, randomSpace(random), random, counts);
    if (iteration % 64 === 0) checkCompositions(image, random, counts);
  });
}

/** A small physical memory full of entries. What lies beyond it is not RAM. */
class Image implements SyncPhysicalMemory {
  readonly #bytes = new Uint8Array(BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  /** Rewrites part of it: an image is the one before with a few tables changed, which is cheaper than a new one. */
  change(random: Random): void {
    for (let times = 1 + random(3); times > 0; times -= 1) {
      const page = random(PAGES) * 4096;
      const density = pick([0, 1, 8, 64, 512], random);
      this.#bytes.fill(0, page, page + 4096);
      for (let entry = 0; entry < density; entry += 1) {
        const index = density === 512 ? entry : random(512);
        this.#view.setBigUint64(page + index * 8, randomEntry(random), true);
      }
    }
  }

  readSync(address: bigint, length: number): Uint8Array {
    const end = address + BigInt(length);
    if (end > BigInt(BYTES)) throw new NotRamError(address > BigInt(BYTES) ? address : BigInt(BYTES));
    return this.#bytes.subarray(Number(address), Number(end));
  }

  read(address: bigint, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(address, length));
  }
}

/** Mostly an entry that leads on within the image; now and then anything. */
function randomEntry(random: Random): bigint {
  const flags = randomBits(12, random);
  switch (random(8)) {
    case 0:
      return randomBits(64, random);
    case 1:
      return (randomBits(64, random) & ADDRESS) | flags | 1n;
    case 2:
      return (BigInt(random(PAGES)) << 12n) | flags | (randomBits(12, random) << 52n);
    case 3:
      // A good entry whose table is not RAM.
      return (BigInt(PAGES + random(1_000)) << 12n) | 0x67n;
    default:
      return (BigInt(random(PAGES)) << 12n) | 0x67n | (flags & 0x80n & randomBits(8, random));
  }
}

function randomSpace(random: Random): AddressSpace {
  const root = BigInt(random(PAGES)) << 12n;
  const physical = { maxPhysicalAddress: 32 + random(21) };
  switch (random(5)) {
    case 0:
      return eptSpace({ eptp: root | 6n | 0x18n, ...physical });
    case 1:
      return nptSpace({ cr3: root, ...physical });
    case 2:
      return secondLevelSpace({ table: root, levels: pick([3, 4, 5] as const, random) });
    default:
      return x86Space({
        cr3: root,
        levels: pick([4, 5] as const, random),
        nxe: random(4) !== 0,
        ...(random(2) === 0 ? { kernel: pick(['6.1', '6.12'] as const, random) } : {}),
        ...physical,
      });
  }
}

/** Whatever a decoder is given, it takes apart without loss, and can tell about. */
function checkEntry(random: Random): void {
  const level = (1 + random(5)) as Level;
  const raw = randomBits(64, random);
  const x86 = decodeX86Entry(raw, level, { kernel: pick(['6.1', '6.12'] as const, random) });
  if (encodeX86Entry(x86) !== raw) throw new Error(`x86 entry 0x${raw.toString(16)} does not come back`);
  const ept = decodeEptEntry(raw, level);
  if (encodeEptEntry(ept) !== raw) throw new Error(`EPT entry 0x${raw.toString(16)} does not come back`);
  if (random(16) !== 0) return;
  for (const entry of [x86, ept]) {
    if (summary(entry).length > 2_000 || describe(entry).length > 20_000)
      throw new Error('a description is beyond its bound');
  }
}

function checkSpace(image: Image, space: AddressSpace, random: Random, counts: Counts): void {
  const bounds = random(64) === 0 ? LARGE : SMALL;
  const scanned = scanSync(image, space, bounds);
  counts.mappings += scanned.length;
  counts.problems += scanned.problemCount;
  if (scanned.length > bounds.maxMappings || scanned.problems.length > bounds.maxProblems) {
    throw new Error('a scan is beyond its bounds');
  }
  for (let times = 0; times < 4; times += 1) {
    const seen = scanned.length > 0 && random(2) === 0 ? scanned.at(random(scanned.length)) : undefined;
    const address = seen
      ? seen.address + (randomBits(30, random) & (seen.size - 1n))
      : randomBits(64, random);
    const refused = attempt(() => {
      const result = walkSync(image, space, address);
      if (result.steps.length > space.levels) throw new Error('a walk has more steps than levels');
      if (result.mapped) counts.mapped += 1;
      else counts.faults[result.fault.reason] = (counts.faults[result.fault.reason] ?? 0) + 1;
      if (
        seen &&
        (!result.mapped || result.pageAddress !== seen.physicalAddress || result.leaf.raw !== seen.raw)
      ) {
        throw new Error(
          `the scan maps 0x${address.toString(16)}, the walk does not agree: ${result.fault?.message ?? 'elsewhere'}`,
        );
      }
      if (!seen && scanned.complete && !scanned.problems.some(({ reason }) => reason === 'cycle')) {
        if (result.mapped !== (scanned.find(address) !== undefined))
          throw new Error(`walk and scan disagree about 0x${address.toString(16)}`);
      }
      if (random(200) === 0) walkPicture({ title: 'fuzz', walk: result });
    });
    if (refused) counts.refused += 1;
  }
  const start = scanned.length > 0 ? (scanned.at(random(scanned.length))?.address ?? 0n) : 0n;
  const pages = 1 + random(64);
  const refused = attempt(() => {
    const pageRun = walkRangeSync(image, space, start & ~0xfffn, pages);
    if (pageRun.length !== pages) throw new Error('a run of pages has another length');
    if (pageRun.unmapped().length + pageRun.mappedCount !== pages)
      throw new Error('pages are neither mapped nor unmapped');
  });
  if (refused) counts.refused += 1;
  if (random(16) === 0) {
    const ranges = mappedRanges(scanned);
    if (ranges.reduce((sum, { mappings }) => sum + mappings, 0) !== scanned.length)
      throw new Error('ranges lose mappings');
    if (random(16) === 0) addressSpacePicture({ title: 'fuzz', format: space.format.name, ranges });
    const same = diffScans(scanned, scanned);
    if (same.changes.length > 0) throw new Error('a scan differs from itself');
    image.change(random);
    diffScans(scanned, scanSync(image, space, bounds));
  }
}

function checkCompositions(image: Image, random: Random, counts: Counts): void {
  const guest = x86Space({ cr3: BigInt(random(PAGES)) << 12n });
  const second = eptSpace({ eptp: (BigInt(random(PAGES)) << 12n) | 0x1en });
  const refused = [
    attempt(() => walkNestedSync(image, { guest, second }, randomBits(47, random))),
    attempt(() => {
      walkIommuSync(
        image,
        {
          rtaddr: BigInt(random(PAGES)) << 12n,
          source: { bus: random(256), device: random(32), function: random(8) },
        },
        randomBits(48, random),
      );
    }),
  ];
  counts.refused += refused.filter(Boolean).length;
}

/** True if it was refused with a typed error of the library; that a page is not RAM is none. */
function attempt(work: () => unknown): boolean {
  return isRefused(() => {
    try {
      work();
    } catch (error) {
      throw isNotRam(error) ? new Error('not RAM', { cause: error }) : error;
    }
  }, PagingError);
}
