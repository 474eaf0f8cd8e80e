import { randomBytes } from 'node:crypto';

import type { Machine } from '../../machine/machine.js';
import type { AddressSpace, ProcessorFeatures, X86Entry } from '../../paging/index.js';
import { parkedAddressSpace } from '../process/parked.js';
import type { LineShell } from '../command-shell.js';
import { address as anAddress, check, instance, whole } from '../../validate/index.js';
import { bufferParts, type GuestBuffer, guestBuffer } from '../vfio/options.js';
import {
  enterOptions,
  guestPages,
  type L2BufferOptions,
  l2BufferOptions,
  type L2Registers,
  type L2RunOptions,
  l2RunOptions,
  type L2TouchOptions,
  l2TouchOptions,
  type SlotOptions,
  slotNumber,
  slotOptions,
} from './options.js';
import { type Access, accessOf } from '../vfio/access.js';
import { GuestTool, type Reply, type ToolArguments } from '../tool/index.js';
import { exitOf, type L2Exit } from './exits.js';
import { type GuestPage, guestTables } from './page-tables.js';

/** Bits 54:0 of an entry of /proc/PID/pagemap. */
const pagemapFrame = (1n << 55n) - 1n;

export interface L2HostOptions {
  /** What the processor's registers do not tell, and its kernel does. */
  readonly features?: ProcessorFeatures;
  /** How long one operation, and finding the program's tables, may take, in milliseconds. Default: the tool's own. */
  readonly operationMs?: number;
}

/**
 * The L2 host program in a guest (L1): a process with one VM (L2) of a few instructions, which the spec gives. It knows nothing of
 * the second dimension: NPT and EPT serve alike.
 */
export class L2Host {
  readonly pid: number;
  /** The page tables of the process itself. */
  readonly space: AddressSpace<X86Entry>;
  /** Of the program's own memory. */
  lastTouched: bigint | undefined;
  readonly #machine: Machine;
  readonly #tool: GuestTool;

  private constructor(machine: Machine, tool: GuestTool, pid: number, space: AddressSpace<X86Entry>) {
    this.#machine = machine;
    this.#tool = tool;
    this.pid = pid;
    this.space = space;
  }

  /**
   * Starts the program, finds its page tables and makes its VM.
   *
   * @param program its path in the guest, whose KVM is loaded
   */
  static async start(
    machine: Machine,
    guest: LineShell,
    program: string,
    { features, operationMs }: L2HostOptions = {},
  ): Promise<L2Host> {
    const tool = await GuestTool.start(
      guest,
      program,
      operationMs === undefined ? {} : { timeoutMs: operationMs },
    );
    try {
      const pid = (await tool.request('hello')).number('pid');
      const marker = randomBytes(8).readBigUInt64LE();
      await tool.request('park', { marker });
      const space = await parkedAddressSpace(machine, marker, features ?? {}, operationMs);
      await tool.request('unpark');
      await tool.request('vmCreate');
      return new L2Host(machine, tool, pid, space);
    } catch (error) {
      await machine.guard(tool.kill()).catch(() => undefined);
      throw error;
    }
  }

  /** Ends the program, and its VM with it. */
  async exit(): Promise<void> {
    await this.#machine.guard(this.#tool.exit());
  }

  /** Any operation of the program. @throws ToolError when it cannot be done */
  request(op: string, args?: ToolArguments): Promise<Reply> {
    return this.#machine.guard(this.#tool.request(op, args));
  }

  async alloc(options: L2BufferOptions): Promise<GuestBuffer> {
    check('alloc', 'options', l2BufferOptions, options);
    const { pages, kind = 'anonymous', populate = true, protection = 'rw' } = options;
    const reply = await this.request('alloc', { pages, kind, populate, protection });
    return {
      address: reply.bigint('address'),
      size: reply.bigint('size'),
      ...(reply.has('fd') ? { fd: reply.number('fd') } : {}),
    };
  }

  /** The same memory once more, of a buffer of kind memfd. */
  async alias(buffer: GuestBuffer, protection = 'rw'): Promise<GuestBuffer> {
    const { fd, size } = check('alias', 'buffer', guestBuffer, buffer);
    check('alias', 'protection', bufferParts.protection, protection);
    const reply = await this.request('alias', { fd, size, protection });
    return { address: reply.bigint('address'), size };
  }

  /** Makes a memory slot, or changes it. */
  async setSlot(slot: number, options: SlotOptions): Promise<void> {
    const { gpa, buffer, dirtyLog = false } = check('setSlot', 'options', slotOptions, options);
    check('setSlot', 'slot', slotNumber, slot);
    await this.request('slot', { slot, gpa, size: buffer.size, address: buffer.address, dirtyLog });
  }

  /** KVM_GET_DIRTY_LOG: pages of a slot, by number, that were written since the last call. */
  async dirtyLog(slot: number): Promise<number[]> {
    return (await this.request('dirtyLog', { slot: check('dirtyLog', 'slot', slotNumber, slot) })).numbers(
      'pages',
    );
  }

  /** Writes the program's own memory: guest code, and whatever else L2 is to find. */
  async write(address: bigint, bytes: Uint8Array): Promise<void> {
    check('write', 'address', anAddress, address);
    check('write', 'bytes', instance(Uint8Array, 'a Uint8Array'), bytes);
    await this.request('write', { address, bytes: Buffer.from(bytes).toString('hex') });
  }

  /** Physical addresses, in L1, of pages of the program's memory, as L1's kernel says (Documentation/admin-guide/mm/pagemap.rst). */
  async framesOf(address: bigint, pages: number): Promise<bigint[]> {
    check('framesOf', 'address', anAddress, address);
    check('framesOf', 'pages', whole(1), pages);
    const entries = (await this.request('pagemap', { address, pages })).bigints('entries');
    return entries.map((entry) => (entry & pagemapFrame) << 12n);
  }

  /** One access by the process to its own memory, whatever comes of it. */
  async touch(address: bigint, options: L2TouchOptions = {}): Promise<Access> {
    check('touch', 'address', anAddress, address);
    check('touch', 'options', l2TouchOptions, options);
    this.lastTouched = address;
    return accessOf(await this.request('touch', { address, ...options }));
  }

  /**
   * Writes L2's page tables into memory that backs a slot.
   *
   * @param base guest-physical address of the top table; the others follow it
   * @returns L2's CR3, and where the tables end
   */
  async writeTables(
    slot: SlotOptions,
    base: bigint,
    pages: readonly GuestPage[],
  ): Promise<{ readonly cr3: bigint; readonly end: bigint }> {
    const { gpa, buffer } = check('writeTables', 'slot', slotOptions, slot);
    check('writeTables', 'base', anAddress, base);
    check('writeTables', 'pages', guestPages, pages);
    const { cr3, end, runs } = guestTables(base, pages);
    for (const { address, entries } of runs) {
      await this.write(buffer.address + address - gpa, new Uint8Array(BigUint64Array.from(entries).buffer));
    }
    return { cr3, end };
  }

  /** Sets the vCPU's registers: real mode, or with `cr3` 64-bit mode. */
  async enter(options: L2Registers & { readonly cr3?: bigint }): Promise<void> {
    const { cr3, ...registers } = check('enter', 'options', enterOptions, options);
    await this.request('enter', { mode: cr3 === undefined ? 'real' : 'long', cr3, ...registers });
  }

  /** Runs the vCPU until it came out so often, or for what needs an answer. */
  async run(options: L2RunOptions = {}): Promise<L2Exit[]> {
    check('run', 'options', l2RunOptions, options);
    return (await this.request('run', { ...options })).parts('exits').map(exitOf);
  }

  async registers(): Promise<{ readonly rax: bigint; readonly rip: bigint; readonly cr3: bigint }> {
    const reply = await this.request('registers');
    return { rax: reply.bigint('rax'), rip: reply.bigint('rip'), cr3: reply.bigint('cr3') };
  }
}
