import { MonitorClosedError, MonitorCommandError, MonitorInputError } from './errors.js';
import type { CommandOptions, HmpClient } from './hmp-client.js';
import { type HostAddress, parseGpa2hva, parseGva2gpa } from './parse/address.js';
import { type MappedRange, type Mappings, parseMem, parseTlb, type TlbEntry } from './parse/mappings.js';
import { hexOf } from './command-line.js';
import { dumpCommand, type MemoryRequest, parseMemoryDump, unitsOf } from './parse/memory-dump.js';
import { type FlatView, parseMemoryTree } from './parse/memory-tree.js';
import {
  type CpuFeatures,
  cpuPathIn,
  featureCommands,
  parseFeatures,
  usualCpuPath,
} from './parse/processor.js';
import { type CpuRegisters, parseRegisters } from './parse/registers.js';
import { type CpuThread, parseCpus, parseStatus, type VmStatus } from './parse/status.js';

/** Five levels of page tables (SDM vol. 3, 2.5). */
const CR4_LA57 = 1n << 12n;

/** Who is at the other end of a monitor's connection. */
export interface MonitorPeer {
  /** QEMU's version, from the greeting. */
  readonly version: string;
  /** For messages: `127.0.0.1:1334`, or a socket's path. */
  readonly where: string;
  /** Over TCP: the monitor's port and this connection's own, by which the process at the other end can be found. */
  readonly remotePort: number | undefined;
  readonly localPort: number | undefined;
  /** Over a unix socket: its path. */
  readonly path: string | undefined;
}

/** What HMP calls them, short and long. */
const stops = /^\s*(s|stop)\s*$/;
const continues = /^\s*(c|cont)\s*$/;

/**
 * QEMU's human monitor, typed. Addresses are bigints; what a command answers is parsed and checked.
 *
 * Every call may throw MonitorTimeoutError and MonitorClosedError (the conversation failed; the monitor is unusable then),
 * MonitorCommandError (QEMU refused) and MonitorParseError (an answer of an unknown shape). Commands act on the vCPU that is
 * selected (`selectCpu`; vCPU 0 at first), and wait for each other.
 */
export class Monitor {
  readonly #client: HmpClient;
  /** The same for all vCPUs of a machine, and for as long as it lives. */
  #features: CpuFeatures | undefined;
  readonly peer: MonitorPeer;
  /** Where others may have the VM stopped as well: decides when it runs. See lib/machine/run-state.ts. */
  runState: { stop(): Promise<void>; cont(): Promise<void> } | undefined;

  constructor(client: HmpClient, peer: MonitorPeer) {
    this.#client = client;
    this.peer = peer;
  }

  /** Whether the conversation is over; commands are rejected then. */
  get closed(): boolean {
    return this.#client.closed !== undefined;
  }

  /**
   * Any command: the reply's text, lines ending in `\n`, without echo and prompt. A refusal is a reply too. `stop` and `cont` are as the
   * methods of that name.
   *
   * @throws MonitorInputError for one that QEMU would not come to the end of: see `infoMem`
   */
  async command(command: string, options?: CommandOptions): Promise<string> {
    const [reply = ''] = await this.commands([command], options);
    return reply;
  }

  /** Several commands, typed at once: one round trip. @throws MonitorInputError as `command` */
  async commands(commands: readonly string[], options?: CommandOptions): Promise<string[]> {
    if (commands.some((command) => /^\s*info\s+mem\s*$/.test(command))) {
      // What is selected on the way is one of them.
      const selects = commands.some((command) => /^\s*cpu\s/.test(command));
      await this.#refuseFiveLevels(selects ? 'info registers -a' : 'info registers', options);
    }
    const { runState } = this;
    if (runState === undefined || !commands.some((command) => stops.test(command) || continues.test(command)))
      return await this.#client.commands(commands, options);
    const replies: string[] = [];
    for (const command of commands) {
      const isStop = stops.test(command);
      if (isStop || continues.test(command)) {
        await (isStop ? runState.stop() : runState.cont());
        replies.push('');
      } else {
        replies.push(...(await this.#client.commands([command], options)));
      }
    }
    return replies;
  }

  /** `x`: units of the selected vCPU's virtual memory. @throws MonitorMemoryError */
  async x(request: MemoryRequest, options?: CommandOptions): Promise<bigint[]> {
    return unitsOf(await this.#dump('x', request, options), request.unit);
  }

  /** `xp`: units of physical memory; reads MMIO as well, with its side effects. @throws MonitorMemoryError */
  async xp(request: MemoryRequest, options?: CommandOptions): Promise<bigint[]> {
    return unitsOf(await this.#dump('xp', request, options), request.unit);
  }

  /** `xp` as bytes, for several places in one round trip. @throws MonitorMemoryError */
  async xpBytes(requests: readonly MemoryRequest[], options?: CommandOptions): Promise<Uint8Array[]> {
    const commands = requests.map((request) => dumpCommand('xp', request));
    const replies = await this.commands(commands, options);
    return requests.map((request, index) =>
      parseMemoryDump(replies[index] ?? '', request, commands[index] ?? 'xp'),
    );
  }

  /**
   * `info registers -a`: the registers of every vCPU, and with them what its CPUID says. On a running VM each vCPU's are from
   * another moment.
   */
  async infoRegisters(options?: CommandOptions): Promise<CpuRegisters[]> {
    const features = (this.#features ??= await this.#readFeatures(options));
    const registers = parseRegisters(await this.command('info registers -a', options));
    return registers.map((cpu) => ({ ...cpu, features }));
  }

  async infoCpus(options?: CommandOptions): Promise<CpuThread[]> {
    return parseCpus(await this.command('info cpus', options));
  }

  async infoStatus(options?: CommandOptions): Promise<VmStatus> {
    return parseStatus(await this.command('info status', options));
  }

  /**
   * `info mem`: mapped ranges of the selected vCPU. Knows no NX.
   *
   * @throws MonitorInputError the vCPU has five levels of tables, with which QEMU never comes to the end of this command
   */
  async infoMem(options?: CommandOptions): Promise<Mappings<MappedRange>> {
    return parseMem(await this.command('info mem', options));
  }

  /** `info tlb`: every mapped page of the selected vCPU (a Linux kernel has about 65,000: 3 MB of text). */
  async infoTlb(options?: CommandOptions): Promise<Mappings<TlbEntry>> {
    return parseTlb(await this.command('info tlb', options));
  }

  /** `info mtree -f`: the flat views of all address spaces. */
  async infoMtree(options?: CommandOptions): Promise<FlatView[]> {
    return parseMemoryTree(await this.command('info mtree -f', options));
  }

  /** `gva2gpa`: translates with the selected vCPU's page tables; undefined when unmapped. */
  async gva2gpa(virtualAddress: bigint, options?: CommandOptions): Promise<bigint | undefined> {
    return parseGva2gpa(await this.command(`gva2gpa ${hexOf(virtualAddress)}`, options));
  }

  /** `gpa2hva`: where a byte of guest memory lies in the QEMU process. */
  async gpa2hva(physicalAddress: bigint, options?: CommandOptions): Promise<HostAddress> {
    return parseGpa2hva(await this.command(`gpa2hva ${hexOf(physicalAddress)}`, options));
  }

  /** Stops all vCPUs; returns when they stand still. */
  stop(options?: CommandOptions): Promise<void> {
    return this.runState ? this.runState.stop() : this.setRunning(false, options);
  }

  /** Lets the vCPUs run: when looks that others take are over. */
  cont(options?: CommandOptions): Promise<void> {
    return this.runState ? this.runState.cont() : this.setRunning(true, options);
  }

  /** `stop` or `cont` at once, whoever else has the VM stopped. */
  setRunning(running: boolean, options?: CommandOptions): Promise<void> {
    return this.#silent(running ? 'cont' : 'stop', options);
  }

  /** `cpu N`: which vCPU the commands act on. @throws MonitorCommandError there is no such vCPU */
  selectCpu(cpu: number, options?: CommandOptions): Promise<void> {
    return this.#silent(`cpu ${String(cpu)}`, options);
  }

  /** `help`, of one command or of all. */
  help(command = '', options?: CommandOptions): Promise<string> {
    return this.command(`help ${command}`.trim(), options);
  }

  /**
   * Opens a gdb stub on a running VM, on 127.0.0.1 (`port`), or closes it (`none`).
   * A debugger that attaches stops the VM; gdb/ says what detaching does.
   */
  async gdbserver(port: number | 'none', options?: CommandOptions): Promise<void> {
    const command = `gdbserver ${port === 'none' ? 'none' : `tcp:127.0.0.1:${String(port)}`}`;
    const reply = await this.command(command, options);
    if (!/^(Waiting for gdb connection on device|Disabled gdbserver)/.test(reply)) {
      throw new MonitorCommandError(command, reply, 'Is the port free?');
    }
  }

  /** Ends QEMU; returns when it has closed the connection. */
  async quit(options?: CommandOptions): Promise<void> {
    try {
      await this.command('quit', options);
    } catch (error) {
      if (error instanceof MonitorClosedError && error.byPeer) return;
      throw error;
    }
    throw new MonitorCommandError('quit', 'a prompt', 'QEMU goes on running.');
  }

  /** Leaves the monitor to the next client; QEMU runs on. */
  close(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #dump(kind: 'x' | 'xp', request: MemoryRequest, options?: CommandOptions): Promise<Uint8Array> {
    const command = dumpCommand(kind, request);
    return parseMemoryDump(await this.command(command, options), request, command);
  }

  async #readFeatures(options?: CommandOptions): Promise<CpuFeatures> {
    const at = async (path: string): Promise<CpuFeatures> =>
      parseFeatures(await this.commands(featureCommands(path), options));
    const usual = await at(usualCpuPath);
    if (usual.maxPhysicalAddress !== 'unknown') return usual;
    const path = cpuPathIn(await this.command('info qom-tree', options));
    return path === undefined ? usual : await at(path);
  }

  async #refuseFiveLevels(ask: string, options?: CommandOptions): Promise<void> {
    const cpus = parseRegisters(await this.command(ask, options));
    if (cpus.some(({ cr4 }) => (cr4 & CR4_LA57) !== 0n)) {
      throw new MonitorInputError(
        'The vCPU has five levels of page tables (CR4.LA57), and "info mem" makes QEMU loop for ever then: it was not asked. ' +
          'Scan the tables (scan() of lib/paging), or select another vCPU.',
      );
    }
  }

  /** For commands that print nothing when they succeed. */
  async #silent(command: string, options?: CommandOptions): Promise<void> {
    const [reply = ''] = await this.#client.commands([command], options);
    if (reply.trim() !== '') throw new MonitorCommandError(command, reply);
  }
}
