import { randomBytes } from 'node:crypto';

import type { AddressSpace, Scan, X86Entry } from '../../paging/index.js';
import { DeviceView } from '../iommu/index.js';
import { parkedAddressSpace } from '../process/parked.js';
import { type ProcessHost, SeenProcess } from '../process/seen-process.js';
import type { GuestShell } from '../ssh/index.js';
import { address as anAddress, check } from '../../validate/index.js';
import { type Access, accessOf } from './access.js';
import { type TouchMapTouch, touchesOf } from './touch-map-touch.js';
import { readContents } from './contents.js';
import { answerOrHang } from './hang.js';
import { DmaMapping, type Look } from './mapping.js';
import {
  type BufferOptions,
  bufferOptions,
  type DmaMapOptions,
  dmaMapOptions,
  type GuestBuffer,
  guestBuffer,
  type TouchOptions,
  touchOptions,
  type TryOptions,
  tryOptions,
} from './options.js';
import type { GuestTool, Reply, ToolArguments } from '../tool/index.js';
import { settled } from './settled.js';
import { startVfioTool } from './tool.js';

/** An operation that a process in the guest was asked for, on the host's clock: ms since 1970. */
export interface GuestCall {
  readonly op: string;
  readonly pid: number;
  /** The memory that it is about. */
  readonly vaddr: bigint | undefined;
  /** Bytes. */
  readonly size: bigint | undefined;
  readonly sent: number;
  /** Undefined while it is under way. */
  answered: number | undefined;
}

/** Where VFIO work is done. */
export interface VfioHost extends ProcessHost {
  readonly guest: GuestShell;
  /** What was mapped in this guest so far, by all of the test's processes, in order. Mappings that were undone stay in it. */
  readonly mappings: DmaMapping[];
  /** The test's processes that have not ended, those that another one forked among them. */
  readonly processes: Set<VfioProcess>;
  /** Told of each mapping that is made, with page 0, and of each page of one that is about to be touched. */
  readonly onUse?: (mapping: DmaMapping, page: number) => void;
  /** Told of memory that is about to be mapped, before it is looked at, and again when it is mapped. */
  readonly onMap?: (process: VfioProcess, buffer: GuestBuffer, moment: 'before' | 'after') => Promise<void>;
  /** What the test's processes were asked for. */
  readonly calls?: GuestCall[];
  /** PCI address of the device to pass through, `DDDD:BB:SS.F`, bound to vfio-pci in the guest. */
  readonly device: string;
}

const pageSize = 4096n;
const hugePageSize = 2n << 20n;
/** Clear of the legacy area; below 4 GiB it must also stay clear of the MSI window at 0xfee00000. */
const firstIova = 1n << 20n;

/**
 * Of the guest's time, which goes on while a busy host leaves its vCPU waiting. A write to a page that was taken away faults for ever, so
 * that tests wait for its end; no other access of a correct driver's does.
 */
const patienceMs = { read: 2_000, execute: 2_000, write: 300 };

/**
 * A process in the guest that does VFIO: it has the device open, and its mappings live as long as it does. Its page tables
 * are known from outside.
 */
export class VfioProcess extends SeenProcess implements AsyncDisposable {
  readonly host: VfioHost;
  readonly tool: GuestTool;
  readonly pid: number;
  /** vCPUs that it may run on. */
  readonly cpus: readonly number[];
  /** Its page tables, found by a marker register: see lib/guest/process/parked.ts. */
  readonly space: AddressSpace<X86Entry>;
  /** The tool's handle of a forked child; undefined for a process of its own. */
  readonly #child: number | undefined;
  readonly #iovas: IovaAllocator;

  private constructor(
    host: VfioHost,
    tool: GuestTool,
    identity: { readonly pid: number; readonly cpus: readonly number[]; readonly child?: number },
    space: AddressSpace<X86Entry>,
    iovas = new IovaAllocator(),
  ) {
    super();
    this.host = host;
    this.tool = tool;
    this.pid = identity.pid;
    this.cpus = identity.cpus;
    this.#child = identity.child;
    this.space = space;
    this.#iovas = iovas;
    host.processes.add(this);
  }

  /**
   * Starts the process, opens the device and finds the process's page tables.
   *
   * @throws VfioError when the device cannot be opened, with the cause and the remedy
   */
  static async start(host: VfioHost): Promise<VfioProcess> {
    const tool = await startVfioTool(host.guest);
    try {
      const hello = await tool.request('hello');
      await tool.request('open', { device: host.device });
      const space = await addressSpaceOf(host, (op, args) => tool.request(op, args));
      await tool.request('settle');
      const identity = { pid: hello.number('pid'), cpus: hello.numbers('cpus') };
      return new VfioProcess(host, tool, identity, space);
    } catch (error) {
      await host.machine.guard(tool.kill()).catch(() => undefined);
      throw await host.machine.guard(Promise.reject(error as Error)).catch((cause: unknown) => cause);
    }
  }

  /**
   * Forks: the child has a copy of this process's memory and shares its device, and does the same operations until it ends.
   * A child does not fork.
   */
  async fork(): Promise<VfioProcess> {
    const reply = await this.#request('fork');
    const child = reply.number('child');
    const identity = { pid: reply.number('pid'), cpus: this.cpus, child };
    const ask = (op: string, args?: ToolArguments): Promise<Reply> => this.#request(op, { ...args, child });
    const space = await this.host.machine.guard(addressSpaceOf(this.host, ask));
    return new VfioProcess(this.host, this.tool, identity, space, this.#iovas);
  }

  /**
   * Allocates memory without mapping it for DMA.
   *
   * @throws UsageError, VfioError
   */
  async alloc(options: BufferOptions): Promise<GuestBuffer> {
    check('alloc', 'options', bufferOptions, options);
    return await this.#alloc(options);
  }

  async #alloc(options: BufferOptions): Promise<GuestBuffer> {
    const { pages, kind = 'anonymous', populate = true, protection = 'rw', path } = options;
    const reply = await this.#request('alloc', { pages, kind, populate, protection, path });
    return {
      address: reply.bigint('address'),
      size: reply.bigint('size'),
      ...(reply.has('fd') ? { fd: reply.number('fd') } : {}),
    };
  }

  /**
   * Maps memory for DMA: VFIO_IOMMU_MAP_DMA.
   *
   * @throws UsageError when the options are not as they must be
   * @throws VfioError when the kernel refuses
   */
  async mapDma(options: DmaMapOptions): Promise<DmaMapping> {
    check('mapDma', 'options', dmaMapOptions, options);
    const buffer = options.buffer ?? (await this.#allocWithNeighbours(options));
    const iova = options.iova ?? this.#iovas.take(buffer.size);
    const { read = true, write = true, thread } = options;
    await this.host.onMap?.(this, buffer, 'before');
    const before = await this.#look(buffer);
    await this.#request('map', { vaddr: buffer.address, size: buffer.size, iova, read, write, thread });
    const after = await this.#lookSettled(before, buffer);
    await this.host.onMap?.(this, buffer, 'after');
    return this.#add(new DmaMapping(this, buffer, { iova, read, write }, { before, after }));
  }

  /**
   * Memory with a page of the same kind on either side: a driver that goes too far, in either direction, meets a page whose change
   * is seen, and not one that the tool itself needs. Huge pages have no such neighbours.
   */
  async #allocWithNeighbours(options: DmaMapOptions): Promise<GuestBuffer> {
    if (options.kind === 'hugetlb' || options.kind === 'thp') return await this.#alloc(options);
    const { address } = await this.#alloc({ ...options, pages: options.pages + 2 });
    return { address: address + pageSize, size: BigInt(options.pages) * pageSize };
  }

  override tables(): Promise<AddressSpace<X86Entry>> {
    return Promise.resolve(this.space);
  }

  /** The IOMMU's tables, as the device's requests go through them. */
  get deviceView(): DeviceView {
    const { machine, memory, device } = this.host;
    return new DeviceView(machine, memory, device);
  }

  /** One access by the process to its own memory, whatever comes of it. @throws UsageError */
  async access(address: bigint, options: TouchOptions = {}): Promise<Access> {
    check('access', 'address', anAddress, address);
    check('access', 'options', touchOptions, options);
    const { access = 'read', timeoutMs = patienceMs[access], ...rest } = options;
    return accessOf(await this.#request('touch', { address, access, timeoutMs, ...rest }));
  }

  /**
   * Touches pages, maps them for DMA and touches them again, all within one operation: on the vCPU that maps, and from a thread on
   * another one, which has the pages in its TLB meanwhile. Only so does a forgotten TLB flush show.
   */
  async touchMapTouch(buffer: GuestBuffer, options: TryOptions = {}): Promise<TouchMapTouch> {
    check('touchMapTouch', 'buffer', guestBuffer, buffer);
    check('touchMapTouch', 'options', tryOptions, options);
    const iova = this.#iovas.take(buffer.size);
    const { access = 'read', timeoutMs } = options;
    const withContents = access === 'read';
    await this.host.onMap?.(this, buffer, 'before');
    const before = await this.#look(buffer, withContents);
    const args = { vaddr: buffer.address, size: buffer.size, iova, access, timeoutMs };
    const reply = await this.#request('touchMapTouch', args);
    const after = await this.#lookSettled(before, buffer, withContents);
    await this.host.onMap?.(this, buffer, 'after');
    const looks = { before, after };
    return {
      mapping: this.#add(new DmaMapping(this, buffer, { iova, read: true, write: true }, looks)),
      own: touchesOf(reply.part('own')),
      other: reply.has('other') ? touchesOf(reply.part('other')) : undefined,
    };
  }

  /** Any other operation of the tool. */
  async request(op: string, args?: ToolArguments): Promise<Reply> {
    const reply = await this.#request(op, args);
    const { iova, size } = args ?? {};
    if (op === 'map' && iova !== undefined && size !== undefined)
      this.#iovas.byHand.push({ address: BigInt(iova), size: BigInt(size) });
    return reply;
  }

  /** Device addresses that were mapped by `request`, of its IOMMU domain. */
  get iovasByHand(): readonly { readonly address: bigint; readonly size: bigint }[] {
    return this.#iovas.byHand;
  }

  /** Ends the process in good order. */
  async exit(): Promise<void> {
    this.host.processes.delete(this);
    if (this.#child === undefined) {
      await this.host.machine.guard(this.tool.exit());
    } else {
      await this.#request('exit');
      await this.#reap();
    }
  }

  /** Ends the process with SIGKILL, its mappings as they are. */
  async kill(): Promise<void> {
    this.host.processes.delete(this);
    if (this.#child === undefined) await this.host.machine.guard(this.tool.kill());
    else await this.#reap('kill');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  /** What a mapping of the buffer is judged by. */
  #look({ address, size }: GuestBuffer, withContents = true): Promise<Look> {
    const { machine, memory } = this.host;
    return machine.paused(async () => {
      const entries = await this.entries(address, Number(size / pageSize));
      const contents = withContents ? await readContents(entries, memory) : undefined;
      const space = await this.scan();
      const others = new Map<VfioProcess, Scan<X86Entry>>();
      for (const other of this.host.processes) if (other !== this) others.set(other, await other.scan());
      return { entries, space, contents, others };
    });
  }

  #lookSettled({ entries }: Look, buffer: GuestBuffer, withContents?: boolean): Promise<Look> {
    return settled(
      entries,
      () => this.#look(buffer, withContents),
      (look) => look.entries,
    );
  }

  #add(mapping: DmaMapping): DmaMapping {
    this.host.mappings.push(mapping);
    this.host.onUse?.(mapping, 0);
    return mapping;
  }

  /** Waits for a child's end, killed first if need be: operations of the parent's, whose argument `child` is. */
  async #reap(first?: 'kill'): Promise<void> {
    const { machine } = this.host;
    const args = { child: this.#child };
    if (first) await machine.guard(this.tool.request(first, args));
    await machine.guard(this.tool.request('wait', args));
  }

  async #request(op: string, args?: ToolArguments): Promise<Reply> {
    const addressed = this.#child === undefined ? args : { ...args, child: this.#child };
    const number = (name: string): bigint | undefined => {
      const value = args?.[name];
      return typeof value === 'bigint' ? value : undefined;
    };
    const [vaddr, size] = [number('vaddr'), number('size')];
    const call: GuestCall = { op, pid: this.pid, vaddr, size, sent: Date.now(), answered: undefined };
    this.host.calls?.push(call);
    try {
      return await this.step(op, [args], () =>
        answerOrHang(
          this.host,
          this.pid,
          op,
          size ?? 0n,
          this.host.machine.guard(this.tool.request(op, addressed)),
        ),
      );
    } finally {
      call.answered = Date.now();
    }
  }
}

/** Device addresses for mappings of one IOMMU domain, which a process shares with its children. */
class IovaAllocator {
  readonly byHand: { readonly address: bigint; readonly size: bigint }[] = [];
  #next = firstIova;

  take(size: bigint): bigint {
    const iova = this.#next;
    this.#next = alignUp(iova + size + pageSize, hugePageSize);
    return iova;
  }
}

/** The page tables of the process that answers `ask`: one of its threads is parked for a moment. */
async function addressSpaceOf(
  host: VfioHost,
  ask: (op: string, args?: ToolArguments) => Promise<Reply>,
): Promise<AddressSpace<X86Entry>> {
  const marker = randomBytes(8).readBigUInt64LE();
  await ask('park', { marker });
  const space = await parkedAddressSpace(host.machine, marker);
  await ask('unpark');
  return space;
}

function alignUp(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}
