import { randomBytes } from 'node:crypto';

import type { Machine } from '../../machine/machine.js';
import {
  type AddressSpace,
  type PageRun,
  type PhysicalMemory,
  walkRange,
  type X86Entry,
} from '../../paging/index.js';
import { parkedAddressSpace } from '../process/parked.js';
import type { GuestShell } from '../ssh/index.js';
import { type Access, type AccessKind, accessOf } from './access.js';
import { type TouchMapTouch, touchesOf } from './touch-map-touch.js';
import { DmaMapping } from './mapping.js';
import type { Reply } from './reply.js';
import { type ToolArguments, VfioTool } from './tool.js';

/** Where VFIO work is done: a running guest, and the way to look into its memory from outside. */
export interface VfioHost {
  readonly machine: Machine;
  readonly guest: GuestShell;
  readonly memory: PhysicalMemory;
  /** PCI address of the device to pass through, `DDDD:BB:SS.F`, bound to vfio-pci in the guest. */
  readonly device: string;
}

/** What memory a buffer is made of. */
export type BufferKind = 'anonymous' | 'shared' | 'memfd' | 'hugetlb' | 'thp';

export interface BufferOptions {
  /** Number of 4 KiB pages. */
  readonly pages: number;
  /** Default: `anonymous`, with huge pages advised against, so that each page has a PTE of its own. */
  readonly kind?: BufferKind;
  /** Fault every page in at once. Default: true, so that there are entries to compare with before a mapping is made. */
  readonly populate?: boolean;
  /** Any of `r`, `w`, `x`, in this order; `none` for no access. Default: `rw`. */
  readonly protection?: string;
}

/** A range of a guest process's memory. */
export interface GuestBuffer {
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** The tool's descriptor of a memfd. */
  readonly fd?: number;
}

export interface DmaMapOptions extends BufferOptions {
  /** Map this buffer, or part of one, in place of a new one. */
  readonly buffer?: GuestBuffer;
  /** Device address. Default: the next free one from 1 MiB on. */
  readonly iova?: bigint;
  /** What the device may do. Default: both. */
  readonly read?: boolean;
  readonly write?: boolean;
}

export interface TouchOptions {
  readonly access?: AccessKind;
  /** From a thread pinned to this vCPU; the tool's own thread when left out. */
  readonly cpu?: number;
  /** How long an access that neither completes nor gets a signal is left to fault. Default: the tool's. */
  readonly timeoutMs?: number;
  /** What a write writes. */
  readonly value?: bigint;
}

const pageSize = 4096n;
const hugePageSize = 2n << 20n;
/** Clear of the legacy area; below 4 GiB it must also stay clear of the MSI window at 0xfee00000. */
const firstIova = 1n << 20n;

/**
 * A process in the guest that does VFIO: it has the device open, and its mappings live as long as it does. Its page tables
 * are known from outside.
 */
export class VfioProcess implements AsyncDisposable {
  readonly host: VfioHost;
  readonly tool: VfioTool;
  readonly pid: number;
  /** vCPUs that it may run on. */
  readonly cpus: readonly number[];
  /** Its page tables, found by a marker register: see lib/guest/process/parked.ts. */
  readonly space: AddressSpace<X86Entry>;
  #nextIova = firstIova;

  private constructor(host: VfioHost, tool: VfioTool, hello: Reply, space: AddressSpace<X86Entry>) {
    this.host = host;
    this.tool = tool;
    this.pid = hello.number('pid');
    this.cpus = hello.numbers('cpus');
    this.space = space;
  }

  /**
   * Starts the process, opens the device and finds the process's page tables.
   *
   * @throws VfioError when the device cannot be opened, with the cause and the remedy
   */
  static async start(host: VfioHost): Promise<VfioProcess> {
    const tool = await VfioTool.start(host.guest);
    try {
      const hello = await tool.request('hello');
      await tool.request('open', { device: host.device });
      const marker = randomBytes(8).readBigUInt64LE();
      await tool.request('park', { marker });
      const space = await parkedAddressSpace(host.machine.monitor, marker);
      await tool.request('unpark');
      await tool.request('settle');
      return new VfioProcess(host, tool, hello, space);
    } catch (error) {
      await host.machine.guard(tool.kill()).catch(() => undefined);
      throw await host.machine.guard(Promise.reject(error as Error)).catch((cause: unknown) => cause);
    }
  }

  /** Allocates memory without mapping it for DMA. */
  async alloc(options: BufferOptions): Promise<GuestBuffer> {
    const { pages, kind = 'anonymous', populate = true, protection = 'rw' } = options;
    const reply = await this.#request('alloc', { pages, kind, populate, protection });
    return {
      address: reply.bigint('address'),
      size: reply.bigint('size'),
      ...(reply.has('fd') ? { fd: reply.number('fd') } : {}),
    };
  }

  /** Maps memory for DMA: VFIO_IOMMU_MAP_DMA. */
  async mapDma(options: DmaMapOptions): Promise<DmaMapping> {
    const buffer = options.buffer ?? (await this.alloc(options));
    const iova = options.iova ?? this.#takeIova(buffer.size);
    const { read = true, write = true } = options;
    const before = await this.entries(buffer.address, Number(buffer.size / pageSize));
    await this.#request('map', { vaddr: buffer.address, size: buffer.size, iova, read, write });
    return new DmaMapping(this, buffer, iova, before);
  }

  /** The leaf entries of pages of this process, read from outside while the VM stands still. */
  entries(address: bigint, pages: number): Promise<PageRun<X86Entry>> {
    const { machine, memory } = this.host;
    return machine.paused(() => walkRange(memory, this.space, address, pages));
  }

  /** One access by the process to its own memory, whatever comes of it. */
  async access(address: bigint, options: TouchOptions = {}): Promise<Access> {
    const { access = 'read', ...rest } = options;
    return accessOf(await this.#request('touch', { address, access, ...rest }));
  }

  /**
   * Touches pages, maps them for DMA and touches them again, all within one operation: on the vCPU that maps, and from a thread on
   * another one, which has the pages in its TLB meanwhile. Only so does a forgotten TLB flush show.
   */
  async touchMapTouch(buffer: GuestBuffer, options: TouchOptions = {}): Promise<TouchMapTouch> {
    const iova = this.#takeIova(buffer.size);
    const before = await this.entries(buffer.address, Number(buffer.size / pageSize));
    const { access = 'read', timeoutMs } = options;
    const args = { vaddr: buffer.address, size: buffer.size, iova, access, timeoutMs };
    const reply = await this.#request('touchMapTouch', args);
    return {
      mapping: new DmaMapping(this, buffer, iova, before),
      own: touchesOf(reply.part('own')),
      other: reply.has('other') ? touchesOf(reply.part('other')) : undefined,
    };
  }

  /** Any other operation of the tool. */
  request(op: string, args?: ToolArguments): Promise<Reply> {
    return this.#request(op, args);
  }

  /** Ends the process in good order. */
  exit(): Promise<void> {
    return this.host.machine.guard(this.tool.exit());
  }

  /** Ends the process with SIGKILL, its mappings as they are. */
  kill(): Promise<void> {
    return this.host.machine.guard(this.tool.kill());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #takeIova(size: bigint): bigint {
    const iova = this.#nextIova;
    this.#nextIova = alignUp(iova + size + pageSize, hugePageSize);
    return iova;
  }

  #request(op: string, args?: ToolArguments): Promise<Reply> {
    return this.host.machine.guard(this.tool.request(op, args));
  }
}

function alignUp(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}
