import { connectGdb, type GdbClient, type GdbHooks, type StopReply } from '../gdb/index.js';
import { StubTakenError } from './errors.js';
import type { GdbStub, Watcher } from './machine.js';
import type { QemuMachine } from './qemu-machine.js';
import type { RunState } from './run-state.js';

/** QEMU's stub, which the monitor opens, and who is attached to it. */
export class QemuGdbStub implements GdbStub {
  readonly #machine: QemuMachine;
  readonly #runState: RunState;
  #client: GdbClient | undefined;
  #leaving: Promise<void> | undefined;
  /** Whom the client serves, where it is no debugger. */
  #watcher: Watcher | undefined;
  /** With DEBUG it is open from the first instruction on. */
  #isOpen: boolean;
  /** The machine stood before the debugger came. */
  #stood = false;

  constructor(machine: QemuMachine, runState: RunState) {
    this.#machine = machine;
    this.#runState = runState;
    this.#isOpen = machine.plan.debug;
  }

  /** The debugger that is attached. */
  get client(): GdbClient | undefined {
    return this.#client?.closed === false ? this.#client : undefined;
  }

  async open(): Promise<void> {
    const { monitor, ports } = this.#machine;
    // QEMU would open the new one before it closes the old one, whose port it has.
    if (!this.#isOpen) await monitor.gdbserver(ports.debug);
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    await this.#machine.monitor.gdbserver('none');
    this.#isOpen = false;
  }

  async attach(): Promise<GdbClient> {
    await this.makeWay();
    return await this.#attach();
  }

  async watch(watcher: Watcher): Promise<GdbClient> {
    const client = await this.#attach({
      onTrap: (stop) => {
        void this.#hit(watcher, stop);
      },
      onClose: (reason) => {
        watcher.lost(reason);
      },
    });
    this.#watcher = watcher;
    if (!this.#stood) await client.cont();
    return client;
  }

  /** Lets a watcher go: somebody else wants the stub. */
  async makeWay(): Promise<void> {
    const watcher = this.#watcher;
    if (!watcher) return;
    await watcher.makeWay();
    await this.detach();
  }

  /** The machine stands, and not for a hit. */
  async stopped(): Promise<void> {
    const watcher = this.#watcher;
    if (!watcher || this.client?.standing !== true) return;
    try {
      await watcher.stopped();
    } catch (error) {
      watcher.lost(error);
    }
  }

  async #attach(hooks: Pick<GdbHooks, 'onTrap' | 'onClose'> = {}): Promise<GdbClient> {
    const { title, ports } = this.#machine;
    if (this.client) {
      throw new StubTakenError(
        `${title}: a debugger is attached already, and QEMU's stub serves one: detach it first.`,
      );
    }
    const attached = this.#runState.betweenLooks('attach a debugger', async () => {
      this.#stood = !(await this.#machine.status()).running;
      await this.open();
      return await connectGdb({
        port: ports.debug,
        resuming: (work) => this.#runState.betweenLooks('let the VM run', work),
        ...hooks,
      });
    });
    this.#client = await this.#machine.guard(attached);
    return this.#client;
  }

  /** Looks wait meanwhile, and so does whoever wants the machine to stand: then it stays where it is. */
  async #hit(watcher: Watcher, stop: StopReply): Promise<void> {
    const client = this.#client;
    try {
      await this.#runState.betweenLooks('record a write', async () => {
        if (client === undefined || client !== this.client) return;
        try {
          await watcher.hit(stop);
        } finally {
          if (!this.#runState.isToStand && !client.running) await client.resume();
        }
      });
    } catch (error) {
      watcher.lost(error);
    }
  }

  /** Looks that are on end with the client that they began with. */
  async detach(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    await (this.#leaving ??= this.#leave(client).finally(() => {
      this.#client = undefined;
      this.#watcher = undefined;
      this.#leaving = undefined;
    }));
  }

  async #leave(client: GdbClient): Promise<void> {
    if (this.#machine.died.aborted) {
      await client.close();
      return;
    }
    if (!client.closed) await (this.#stood && !client.running ? client.release() : client.detach());
    // The stub closes with the machine, if the monitor does not serve us any more.
    if (!this.#machine.monitor.closed) await this.close();
  }
}
