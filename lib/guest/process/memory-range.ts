import type { PageRun, Walk, X86Entry } from '../../paging/index.js';
import { address as anAddress, check, whole } from '../../validate/index.js';
import type { SeenProcess } from './seen-process.js';

const pageSize = 4096n;

/** Pages of a process's memory. */
export class MemoryRange<P extends SeenProcess = SeenProcess> {
  readonly process: P;
  /** Virtual address of the first byte in the process. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Number of 4 KiB pages. */
  readonly pages: number;

  constructor(process: P, address: bigint, pages: number) {
    this.process = process;
    this.address = address;
    this.pages = pages;
    this.size = BigInt(pages) * pageSize;
  }

  /** `4 pages at 0x7f…000 of process 123` */
  toString(): string {
    return `${this.place} of process ${this.process.pid}`;
  }

  protected get place(): string {
    return `${this.pages} page${this.pages === 1 ? '' : 's'} at 0x${this.address.toString(16)}`;
  }

  /** Virtual address of page `page`, counted from 0. @throws UsageError where there is no such page */
  pageAddress(page: number): bigint {
    check(this.toString(), 'page', whole(0, this.pages - 1), page);
    return this.address + BigInt(page) * pageSize;
  }

  /** Number of the page that this address of the process lies in; undefined when it lies in none. */
  pageAt(address: bigint): number | undefined {
    const offset = check(this.toString(), 'address', anAddress, address) - this.address;
    return offset >= 0n && offset < this.size ? Number(offset / pageSize) : undefined;
  }

  /** Every page's leaf entry, read from outside while the VM stands still. */
  entries(): Promise<PageRun<X86Entry>> {
    return this.process.entries(this.address, this.pages);
  }

  /** The walk to one page, level by level, read from outside while the VM stands still. */
  walk(page = 0): Promise<Walk<X86Entry>> {
    return this.process.walk(this.pageAddress(page));
  }
}
