import type { Socket } from 'node:net';
import { budgetClock } from '../host/budget/index.js';
import { Turns } from '../host/turns.js';
import { GdbConnection } from './connection.js';
import { GdbProtocolError, GdbRefusedError, GdbStateError, GdbTimeoutError } from './errors.js';
import { hexOf, type MemoryRead, requestsFor } from './memory-read.js';
import { bytesOfHex } from './packet.js';
import { decodeRegisters, type VcpuRegisters } from './registers.js';
import { parseStopReply, type StopReply, threadOf, vcpuOfThread } from './stop-reply.js';
import { address as anAddress, check, instance, milliseconds, whole } from '../validate/index.js';
import { includedFiles, parseRegisterLayout, type RegisterSlot } from './target-description.js';

/** How many reads are under way at once: enough to hide the round trip, and no more than socket buffers hold. */
const READS_IN_FLIGHT = 32;
const MAX_DESCRIPTION_BYTES = 1024 * 1024;
const MAX_VCPUS = 4096;

type AddressMode = 'virtual' | 'physical';

/** Runs work that lets the VM run, and is over when the VM runs, or has run one step. */
export type Resuming = <T>(work: () => Promise<T>) => Promise<T>;

export interface GdbHooks {
  /** Runs what lets the VM run, when whoever else has it stopped is done. Default: at once. */
  readonly resuming?: Resuming;
  /** Told of each stop at a watchpoint, or at anything else that is a trap. */
  readonly onTrap?: (stop: StopReply) => void;
  /** Told why the conversation is over. */
  readonly onClose?: (reason: Error) => void;
}

/** gdb's number of the signal with which QEMU reports that it was told to stop. */
const SIGINT = 2;
/** At a watchpoint, a breakpoint, or after a step. */
const SIGTRAP = 5;
/** For the stop that was asked for. */
const STOP_MS = 5_000;
/** For one instruction. */
const SETTLE_MS = 500;

/**
 * Client of QEMU's gdb stub. **Attaching stops the VM.** While it runs, only `interrupt`, `waitForStop`, `release` and `detach`
 * are allowed: QEMU stops a running VM at any byte that comes, and loses that byte.
 *
 * Every call may throw GdbTimeoutError, GdbClosedError or GdbProtocolError (the conversation failed, the client is unusable
 * then), GdbRefusedError (the stub said no) and GdbStateError.
 */
export class GdbClient {
  readonly #connection: GdbConnection;
  readonly #breakpoints = new Set<bigint>();
  /** As the stub is told of them: address and length. */
  readonly #watchpoints = new Set<string>();
  readonly #onTrap: (stop: StopReply) => void;
  #layout: readonly RegisterSlot[] | undefined;
  #mode: AddressMode | undefined;
  /** Ends when whatever is under way has ended: which vCPU and which address mode are chosen is state of the stub. */
  readonly #turns = new Turns();
  #attached = false;
  /** Undefined while the VM runs. */
  #stopped: StopReply | undefined;
  /** It stands for a look of somebody else's: who waits for a stop is told when it stops by itself. */
  #suspended = false;
  #isSettling = false;
  readonly #resuming: Resuming;
  #onSuspended: { resolve: (stop: StopReply) => void; reject: (error: Error) => void } | undefined;
  #waiting: { resolve: (stop: StopReply) => void; reject: (error: Error) => void }[] = [];

  private constructor(
    socket: Socket,
    where: string,
    timeoutMs: number,
    { resuming, onTrap, onClose }: Required<GdbHooks>,
  ) {
    this.#resuming = resuming;
    this.#onTrap = onTrap;
    this.#connection = new GdbConnection(socket, {
      where,
      timeoutMs,
      onStop: (payload) => this.#hasStopped(parseStopReply(payload)),
      onClose: (reason) => {
        for (const { reject } of this.#waiting.splice(0)) reject(reason);
        this.#onSuspended?.reject(reason);
        onClose(reason);
      },
    });
  }

  /** Shakes hands with the stub behind a connected socket. The VM is stopped when this resolves. */
  static async attach(
    socket: Socket,
    where: string,
    timeoutMs: number,
    hooks: Required<GdbHooks>,
  ): Promise<GdbClient> {
    const client = new GdbClient(socket, where, timeoutMs, hooks);
    try {
      const features = await client.#connection.request('qSupported:hwbreak+;vContSupported+');
      if (
        features.includes('QStartNoAckMode+') &&
        (await client.#connection.request('QStartNoAckMode')) === 'OK'
      ) {
        client.#connection.stopAcknowledging();
      }
      // A VM that ran has been stopped by the connection as such, and has reported that already.
      client.#stopped = parseStopReply(await client.#connection.request('?'));
      client.#attached = true;
      return client;
    } catch (error) {
      await client.#connection.close();
      throw error;
    }
  }

  /** Whether the VM runs, as far as this connection knows. */
  get running(): boolean {
    return this.#stopped === undefined || this.#suspended;
  }

  /** Whether the VM stands, as far as this connection knows, for a look or otherwise. */
  get standing(): boolean {
    return this.#stopped !== undefined;
  }

  get closed(): boolean {
    return this.#connection.closed !== undefined;
  }

  /** Numbers of all vCPUs, from 0. */
  vcpus(): Promise<number[]> {
    return this.#inTurn('list the vCPUs', () => this.#vcpus());
  }

  /** The registers of every vCPU. */
  registers(): Promise<VcpuRegisters[]> {
    return this.#inTurn('read registers', () => this.#allRegisters());
  }

  /** The registers of one vCPU. @throws GdbRefusedError there is no such vCPU */
  registersOf(cpu: number): Promise<VcpuRegisters> {
    return this.#inTurn('read registers', async () =>
      this.#registersOf(check('registersOf', 'cpu', whole(0), cpu), await this.#registerLayout()),
    );
  }

  /**
   * Physical memory. **Of an address that is not RAM, QEMU's stub returns zeros without an error**, and it reads no MMIO:
   * who does not know where RAM is asks the monitor first (`lib/memory` does).
   */
  async readPhysical(address: bigint, length: number): Promise<Uint8Array> {
    const [bytes] = await this.readPhysicalMany([{ address, length }]);
    return bytes ?? new Uint8Array(0);
  }

  /** Several pieces of physical memory, in as few round trips as may be. See readPhysical. */
  readPhysicalMany(reads: readonly MemoryRead[]): Promise<Uint8Array[]> {
    return this.#inTurn('read memory', () => this.#read('physical', reads.map(readable)));
  }

  /** Virtual memory by the page tables of a vCPU. @throws GdbRefusedError a page is not mapped (E14) */
  readVirtual(address: bigint, length: number, cpu = 0): Promise<Uint8Array> {
    return this.#inTurn('read memory', async () => {
      await this.#select(cpu);
      const [bytes] = await this.#read('virtual', [readable({ address, length })]);
      return bytes ?? new Uint8Array(0);
    });
  }

  /**
   * Writes physical memory while the VM stands; what lies outside of RAM takes no harm, and gives no error. Translations that the
   * guest's processors have in their TLBs stay as they are.
   */
  writePhysical(address: bigint, bytes: Uint8Array): Promise<void> {
    return this.#inTurn('write memory', async () => {
      check('writePhysical', 'address', anAddress, address);
      check('writePhysical', 'bytes', instance(Uint8Array, 'a Uint8Array'), bytes);
      if (this.#mode !== 'physical') await this.#setMode('physical');
      const digits = Buffer.from(bytes).toString('hex');
      await this.#expectOk(`M${hexOf(address)},${bytes.length.toString(16)}:${digits}`);
    });
  }

  /** Sets a hardware breakpoint on every vCPU. @param address linear, of an instruction */
  setBreakpoint(address: bigint): Promise<void> {
    return this.#inTurn('set a breakpoint', () => this.#setBreakpoint(address));
  }

  /** Takes a breakpoint away that this client has set. */
  removeBreakpoint(address: bigint): Promise<void> {
    return this.#inTurn('remove a breakpoint', () => this.#removeBreakpoint(address));
  }

  /**
   * Stops the VM behind each write to this memory, by this linear address. Under TCG there may be any number of any length; under KVM
   * there are four of 8 bytes (the processor's debug registers). What the MMU itself writes (A and D bits) stops nothing.
   *
   * @param length bytes
   * @throws GdbRefusedError there are no more of them, or not of this length
   */
  setWatchpoint(address: bigint, length: number): Promise<void> {
    return this.#inTurn('set a watchpoint', () => this.#changeWatchpoint('Z', hexOf(address), length));
  }

  /** Takes a watchpoint away that this client has set. */
  removeWatchpoint(address: bigint, length: number): Promise<void> {
    return this.#inTurn('remove a watchpoint', () => this.#changeWatchpoint('z', hexOf(address), length));
  }

  /** Lets all vCPUs run. One that stands at a breakpoint of ours steps over it first, or it would stop there again at once. */
  cont(): Promise<void> {
    return this.#resuming(() => this.#continue());
  }

  /** Executes one instruction on one vCPU, the others standing still. */
  async step(cpu: number): Promise<StopReply> {
    check('step', 'cpu', whole(0), cpu);
    return await this.#resuming(() => this.#inTurn('step', () => this.#step(cpu)));
  }

  /**
   * Has one vCPU of a VM that stands execute one instruction, and tells nobody. It ends what QEMU has not told of: a vCPU that stands behind a
   * write of which no stop spoke keeps that in mind, and stops its next one somewhere behind the instruction (QEMU 7.2, softmmu/physmem.c,
   * cpu_check_watchpoint).
   */
  async settle(cpu: number): Promise<void> {
    const wasSuspended = this.#suspended;
    this.#suspended = false;
    this.#isSettling = true;
    try {
      const { watch } = await this.#oneStep(cpu);
      // A stop that tells of a watchpoint leaves the vCPU stepping (gdbstub/softmmu.c, gdb_vm_state_change): it would stop when it is let run.
      if (watch !== undefined) await this.#oneStep(cpu);
    } finally {
      this.#isSettling = false;
      this.#suspended = wasSuspended;
    }
  }

  /**
   * Waits until the VM stops, at a breakpoint or otherwise; at once if it stands.
   * @throws GdbTimeoutError after `deadlineMs`; the VM runs on then, and the client stays usable
   */
  async waitForStop(deadlineMs: number): Promise<StopReply> {
    check('waitForStop', 'deadlineMs', milliseconds, deadlineMs);
    if (this.#stopped !== undefined && !this.#suspended) return this.#stopped;
    if (this.#connection.closed !== undefined) throw this.#connection.closed;
    return await new Promise((resolve, reject) => {
      const waiter = {
        resolve: (stop: StopReply): void => {
          cancel();
          resolve(stop);
        },
        reject: (error: Error): void => {
          cancel();
          reject(error);
        },
      };
      const cancel = budgetClock.after(deadlineMs, (note) => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(
          new GdbTimeoutError(
            `The VM did not stop within ${String(deadlineMs)} ms${note}; ${String(this.#breakpoints.size)} breakpoints are set. It runs on.`,
          ),
        );
      });
      this.#waiting.push(waiter);
    });
  }

  /** Stops a running VM (out of band). Does nothing to one that stands. */
  async interrupt(deadlineMs = STOP_MS): Promise<StopReply> {
    if (this.#suspended && this.#stopped !== undefined) this.#tell(this.#stopped);
    if (this.#stopped === undefined && !this.closed) this.#connection.interrupt();
    return this.waitForStop(deadlineMs);
  }

  /**
   * Stops a VM that runs, for a look: `waitForStop` does not hear of it. `resume` undoes it.
   *
   * @returns whether it ran; a breakpoint may have been there first
   */
  async suspend(): Promise<boolean> {
    // Whoever had it stopped may have let it run by the monitor, of which the stub says nothing.
    this.#stopped = undefined;
    this.#suspended = true;
    const stop = new Promise<StopReply>((resolve, reject) => {
      this.#onSuspended = { resolve, reject };
    });
    const cancel = budgetClock.after(STOP_MS, (note) => {
      this.#onSuspended?.reject(
        new GdbTimeoutError(
          `The VM did not stop within ${String(STOP_MS)} ms${note}. Does its monitor still answer?`,
        ),
      );
    });
    try {
      this.#connection.interrupt();
      await stop;
    } finally {
      cancel();
      this.#onSuspended = undefined;
    }
    return this.#suspended;
  }

  /** Whether it stands for a look, and for nothing else. */
  get suspended(): boolean {
    return this.#suspended;
  }

  /** Lets the VM run, whoever stopped it. After a look a vCPU that stands at a breakpoint has not hit it yet, and does so. */
  async resume(): Promise<void> {
    if (!this.#suspended) {
      await this.#continue();
      return;
    }
    this.#suspended = false;
    await this.#resume('c');
  }

  /**
   * Leaves the VM **running**, without breakpoints, and closes the connection. QEMU resumes it also if it was stopped before
   * this client came, by the monitor or by `-S`: use `release` to leave it stopped.
   */
  async detach(): Promise<void> {
    await this.#resuming(() =>
      this.#leave(async () => {
        await this.#expectOk('D');
      }),
    );
  }

  /** Leaves the VM **stopped**, without breakpoints, and closes the connection. The monitor's `cont` resumes it. */
  async release(): Promise<void> {
    await this.#leave(() => Promise.resolve());
  }

  /** Closes the connection as it is: breakpoints stay set, and the VM runs or stands as it did. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  #continue(): Promise<void> {
    return this.#inTurn('continue', async () => {
      for (const registers of this.#breakpoints.size === 0 ? [] : await this.#allRegisters()) {
        const address = instructionAddress(registers);
        if (this.#breakpoints.has(address)) await this.#stepOver(registers.cpu, address);
      }
      await this.#resume('c');
    });
  }

  async #leave(goodbye: () => Promise<void>): Promise<void> {
    try {
      await this.interrupt();
      await this.#inTurn('leave', async () => {
        for (const address of [...this.#breakpoints]) await this.#removeBreakpoint(address);
        for (const place of this.#watchpoints) await this.#expectOk(`z2,${place}`);
        this.#watchpoints.clear();
        if (this.#mode === 'physical') await this.#setMode('virtual');
        await goodbye();
      });
    } finally {
      await this.#connection.close();
    }
  }

  /** Waits for what is under way, then for `work`, in which the VM stands. */
  #inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      if (this.#stopped === undefined) {
        throw new GdbStateError(`The VM runs: it must be interrupted before this client can ${what}.`);
      }
      return work();
    });
  }

  async #vcpus(): Promise<number[]> {
    const cpus: number[] = [];
    let reply = await this.#ask('qfThreadInfo');
    while (reply.startsWith('m') && cpus.length < MAX_VCPUS) {
      cpus.push(...reply.slice(1).split(',').map(vcpuOfThread));
      reply = await this.#ask('qsThreadInfo');
    }
    if (reply !== 'l') {
      throw new GdbProtocolError(
        `The gdb stub's list of vCPUs does not end: ${JSON.stringify(reply.slice(0, 60))}`,
      );
    }
    return cpus;
  }

  async #allRegisters(): Promise<VcpuRegisters[]> {
    const layout = await this.#registerLayout();
    const all: VcpuRegisters[] = [];
    for (const cpu of await this.#vcpus()) all.push(await this.#registersOf(cpu, layout));
    return all;
  }

  async #setBreakpoint(address: bigint): Promise<void> {
    check('setBreakpoint', 'address', anAddress, address);
    if (this.#breakpoints.has(address)) return;
    await this.#expectOk(`Z1,${hexOf(address)},1`);
    this.#breakpoints.add(address);
  }

  async #removeBreakpoint(address: bigint): Promise<void> {
    if (!this.#breakpoints.has(address)) return;
    await this.#expectOk(`z1,${hexOf(address)},1`);
    this.#breakpoints.delete(address);
  }

  async #changeWatchpoint(verb: 'Z' | 'z', address: string, length: number): Promise<void> {
    const place = `${address},${length.toString(16)}`;
    if (this.#watchpoints.has(place) === (verb === 'Z')) return;
    await this.#expectOk(`${verb}2,${place}`);
    if (verb === 'Z') this.#watchpoints.add(place);
    else this.#watchpoints.delete(place);
  }

  /** Of a vCPU that may halt, and execute nothing. */
  async #oneStep(cpu: number): Promise<StopReply> {
    await this.#inTurn('settle a vCPU', () => this.#resume(`vCont;s:${threadOf(cpu)}`));
    return await this.waitForStop(SETTLE_MS).catch(async (error: unknown) => {
      if (!(error instanceof GdbTimeoutError)) throw error;
      return await this.interrupt();
    });
  }

  async #step(cpu: number): Promise<StopReply> {
    await this.#resume(`vCont;s:${threadOf(cpu)}`);
    return this.waitForStop(10_000);
  }

  async #stepOver(cpu: number, breakpoint: bigint): Promise<void> {
    await this.#removeBreakpoint(breakpoint);
    await this.#step(cpu);
    await this.#setBreakpoint(breakpoint);
  }

  async #resume(request: string): Promise<void> {
    const before = this.#stopped;
    // Before the request goes out: the stop that follows may come together with its acknowledgement.
    this.#stopped = undefined;
    try {
      await this.#connection.resume(request);
    } catch (error) {
      this.#stopped = before;
      throw error;
    }
  }

  /** @returns whether the VM was thought to stand */
  #hasStopped(stop: StopReply): boolean {
    const stood = this.#attached && this.#stopped !== undefined;
    this.#stopped = stop;
    if (!this.#suspended || stop.signal !== SIGINT) this.#tell(stop);
    this.#onSuspended?.resolve(stop);
    if (stop.signal === SIGTRAP && !this.#isSettling) this.#onTrap(stop);
    return stood;
  }

  /** A stop that is meant for whoever uses this client. */
  #tell(stop: StopReply): void {
    this.#suspended = false;
    for (const { resolve } of this.#waiting.splice(0)) resolve(stop);
  }

  async #registersOf(cpu: number, layout: readonly RegisterSlot[]): Promise<VcpuRegisters> {
    await this.#select(cpu);
    return decodeRegisters(cpu, bytesOfHex(await this.#ask('g')), layout);
  }

  /** Which vCPU `g` and `m` are about. */
  async #select(cpu: number): Promise<void> {
    await this.#expectOk(`Hg${threadOf(cpu)}`);
  }

  async #registerLayout(): Promise<readonly RegisterSlot[]> {
    if (this.#layout === undefined) {
      const target = await this.#readDescription('target.xml');
      const features = [target];
      for (const file of includedFiles(target)) features.push(await this.#readDescription(file));
      this.#layout = parseRegisterLayout(features.join('\n'));
    }
    return this.#layout;
  }

  async #readDescription(file: string): Promise<string> {
    let text = '';
    for (;;) {
      const reply = await this.#ask(`qXfer:features:read:${file}:${text.length.toString(16)},7f0`);
      const piece = reply.slice(1);
      text += piece;
      if (reply.startsWith('l')) return text;
      if (!reply.startsWith('m') || piece === '' || text.length > MAX_DESCRIPTION_BYTES) {
        throw new GdbProtocolError(
          `The gdb stub's target description does not end: ${file} after ${String(text.length)} bytes`,
        );
      }
    }
  }

  async #read(mode: AddressMode, reads: readonly MemoryRead[]): Promise<Uint8Array[]> {
    if (this.#mode !== mode) await this.#setMode(mode);
    const results = reads.map(({ length }) => new Uint8Array(length));
    const pieces = reads.flatMap(requestsFor);
    for (let first = 0; first < pieces.length; first += READS_IN_FLIGHT) {
      await Promise.all(
        pieces.slice(first, first + READS_IN_FLIGHT).map(async ({ index, at, size, request }) => {
          const digits = await this.#ask(request);
          results[index]?.set(bytesOfHex(digits, size), at);
        }),
      );
    }
    return results;
  }

  async #setMode(mode: AddressMode): Promise<void> {
    // A stub that does not know the request is not in physical mode, and needs no way back.
    await this.#expectOk(`Qqemu.PhyMemMode:${mode === 'physical' ? '1' : '0'}`);
    this.#mode = mode;
  }

  async #expectOk(request: string): Promise<void> {
    const reply = await this.#ask(request);
    if (reply !== 'OK') throw new GdbRefusedError(request, reply.slice(0, 60));
  }

  /** A request with a reply that is not a refusal. */
  async #ask(request: string): Promise<string> {
    const reply = await this.#connection.request(request);
    if (/^E([0-9a-f]{2}|\.)/.test(reply) || (reply === '' && !request.startsWith('g'))) {
      throw new GdbRefusedError(request, reply.slice(0, 60));
    }
    return reply;
  }
}

function readable({ address, length }: MemoryRead): MemoryRead {
  check('read', 'address', anAddress, address);
  return { address, length: check('read', 'length', whole(1), length) };
}

/** Linear address of the next instruction: in real mode the code segment's base counts (SDM vol. 3 §21.1.1). */
function instructionAddress(registers: VcpuRegisters): bigint {
  const protectedMode = (registers.get('cr0') & 1n) !== 0n;
  return registers.get('rip') + (protectedMode ? 0n : registers.get('cs') << 4n);
}
