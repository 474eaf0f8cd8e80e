import type { PageRun, Scan, X86Entry } from '../../paging/index.js';
import { MemoryRange } from '../process/memory-range.js';
import type { Access } from './access.js';
import type { Contents } from './contents.js';
import { type DmaTables, readDmaTables } from './dma-tables.js';
import { GuestPageFaultError } from './page-fault.js';
import type { GuestBuffer, TouchOptions } from './options.js';
import type { VfioProcess } from './process.js';

/** What a process's memory was like just before or after a mapping was made, all at one instant. */
export interface Look {
  /** The mapping's own pages. */
  readonly entries: PageRun<X86Entry>;
  /** The user half of the address space. */
  readonly space: Scan<X86Entry>;
  /** What lay in the mapping's pages; undefined when the process wrote there meanwhile. */
  readonly contents: Contents | undefined;
  /** The user half of other processes of the test. */
  readonly others: ReadonlyMap<VfioProcess, Scan<X86Entry>>;
}

/** What VFIO_IOMMU_MAP_DMA was told of the device's side. */
export interface DmaAccess {
  readonly iova: bigint;
  readonly read: boolean;
  readonly write: boolean;
}

/** A range of a process's memory that a device can reach: what VFIO_IOMMU_MAP_DMA made. */
export class DmaMapping extends MemoryRange<VfioProcess> {
  /** Device address of the first byte. */
  readonly iova: bigint;
  /** The memory itself; it can be mapped again. */
  readonly buffer: GuestBuffer;
  /** What the device was to be allowed. */
  readonly access: DmaAccess;
  /** Every page's leaf entry just before the mapping was made. */
  readonly before: PageRun<X86Entry>;
  /** The process's memory at that instant. */
  readonly lookBefore: Look;
  /**
   * The same right after VFIO_IOMMU_MAP_DMA returned: what differs is the driver's doing, or the kernel's in pinning the pages. Later
   * on the process and other parts of the kernel change entries too.
   */
  readonly lookAfter: Look;

  #isLive = true;

  constructor(
    process: VfioProcess,
    buffer: GuestBuffer,
    access: DmaAccess,
    looks: { readonly before: Look; readonly after: Look },
  ) {
    super(process, buffer.address, Number(buffer.size / 4096n));
    this.buffer = buffer;
    this.access = access;
    this.before = looks.before.entries;
    this.lookBefore = looks.before;
    this.lookAfter = looks.after;
    this.iova = access.iova;
  }

  /** `4 pages at 0x7f…000 (iova 0x100000)` */
  protected override get place(): string {
    return `${super.place} (iova 0x${this.iova.toString(16)})`;
  }

  /**
   * The process touches a page of the mapping.
   *
   * @returns the value read or written
   * @throws GuestPageFaultError when it could not
   */
  async touch(page = 0, options: TouchOptions = {}): Promise<bigint | undefined> {
    const result = await this.tryTouch(page, options);
    if (result.outcome !== 'done') throw new GuestPageFaultError(result);
    return result.value;
  }

  /** The process touches a page of the mapping, whatever comes of it. */
  async tryTouch(page = 0, options: TouchOptions = {}): Promise<Access> {
    const address = this.pageAddress(page);
    this.process.host.onUse?.(this, page);
    return await this.process.access(address, options);
  }

  /** How the IOMMU translates the mapping's device addresses, and those beside it, while the VM stands still. */
  deviceTables(): Promise<DmaTables> {
    return readDmaTables(this.process, this.iova, this.pages);
  }

  /** VFIO_IOMMU_UNMAP_DMA. The process keeps the memory. */
  async unmap(): Promise<void> {
    await this.process.request('unmap', { iova: this.iova, size: this.size });
    this.#isLive = false;
  }

  /** Whether the device may still reach it: not once `unmap` has gone well. */
  get isLive(): boolean {
    return this.#isLive;
  }
}
