import { isSync, type PageRun, type PhysicalMemory } from '../../paging/index.js';

/** A digest of every page's 4096 bytes; undefined where nothing is mapped, or no RAM is behind it. */
export type Contents = readonly (number | undefined)[];

/** Pages that are read through a reader that has to wait: a monitor takes a millisecond or two for each. */
const slowPages = 16;

/** Reads what lies in the pages of a run. The VM must stand still. Without a reader that need not wait the first pages only. */
export async function readContents(run: PageRun, memory: PhysicalMemory): Promise<Contents> {
  const contents: (number | undefined)[] = [];
  const count = isSync(memory) ? run.length : Math.min(run.length, slowPages);
  for (let page = 0; page < count; page += 1) {
    const address = frameOf(run, page);
    try {
      if (address === undefined) contents.push(undefined);
      else contents.push(digest(memory.readSync?.(address, 4096) ?? (await memory.read(address, 4096))));
    } catch (error) {
      if (!(error instanceof Error && 'notRamAt' in error)) throw error;
      contents.push(undefined);
    }
  }
  return contents;
}

/** Physical address of a page. A small page's is read off the halves: a big mapping has 65,536. */
function frameOf(run: PageRun, page: number): bigint | undefined {
  if (run.effective[page] === 0 || run.level[page] !== 1) return run.at(page)?.physicalAddress;
  return (
    (BigInt((run.high[page] ?? 0) & 0xf_ffff) << 32n) | BigInt(((run.low[page] ?? 0) & 0xffff_f000) >>> 0)
  );
}

/** FNV-1a over words of 32 bits: it is to tell accidents apart, not forgeries. */
function digest(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = 0x811c9dc5;
  for (let offset = 0; offset < bytes.byteLength; offset += 4)
    hash = Math.imul(hash ^ view.getInt32(offset, true), 0x01000193);
  return hash;
}

/** The digest of a page of zeros. */
export const ZEROS = digest(new Uint8Array(4096));
