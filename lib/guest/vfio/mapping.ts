import { type PageRun, type Walk, walk, type X86Entry } from '../../paging/index.js';
import type { Access } from './access.js';
import { GuestPageFaultError } from './page-fault.js';
import type { GuestBuffer, TouchOptions, VfioProcess } from './process.js';

const pageSize = 4096n;

/** A range of a process's memory that a device can reach: what VFIO_IOMMU_MAP_DMA made. */
export class DmaMapping {
  readonly process: VfioProcess;
  /** Virtual address of the first byte in the process. */
  readonly address: bigint;
  /** Device address of the first byte. */
  readonly iova: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Number of 4 KiB pages. */
  readonly pages: number;
  /** Every page's leaf entry just before the mapping was made. */
  readonly before: PageRun<X86Entry>;

  constructor(process: VfioProcess, buffer: GuestBuffer, iova: bigint, before: PageRun<X86Entry>) {
    this.process = process;
    this.before = before;
    this.address = buffer.address;
    this.iova = iova;
    this.size = buffer.size;
    this.pages = Number(buffer.size / pageSize);
  }

  /** `4 pages at 0x7f…000 (iova 0x100000) of process 123` */
  toString(): string {
    return `${this.pages} page${this.pages === 1 ? '' : 's'} at 0x${this.address.toString(16)} (iova 0x${this.iova.toString(16)}) of process ${this.process.pid}`;
  }

  /** Virtual address of page `page`, counted from 0. */
  pageAddress(page: number): bigint {
    if (!Number.isInteger(page) || page < 0 || page >= this.pages) {
      throw new RangeError(`The mapping has ${this.pages} pages, counted from 0; there is no page ${page}.`);
    }
    return this.address + BigInt(page) * pageSize;
  }

  /** Every page's leaf entry, read from outside while the VM stands still. */
  entries(): Promise<PageRun<X86Entry>> {
    return this.process.entries(this.address, this.pages);
  }

  /** The walk to one page, level by level, read from outside while the VM stands still. */
  walk(page = 0): Promise<Walk<X86Entry>> {
    const { host, space } = this.process;
    const address = this.pageAddress(page);
    return host.machine.paused(() => walk(host.memory, space, address));
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
  tryTouch(page = 0, options: TouchOptions = {}): Promise<Access> {
    return this.process.access(this.pageAddress(page), options);
  }

  /** VFIO_IOMMU_UNMAP_DMA. The process keeps the memory. */
  async unmap(): Promise<void> {
    await this.process.request('unmap', { iova: this.iova, size: this.size });
  }
}
