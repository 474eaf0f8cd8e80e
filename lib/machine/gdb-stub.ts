import { connectGdb, type GdbClient } from '../gdb/index.js';
import { InfrastructureError } from '../errors.js';
import type { GdbStub } from './machine.js';
import type { QemuMachine } from './qemu-machine.js';
import type { RunState } from './run-state.js';

/** QEMU's stub, which the monitor opens, and who is attached to it. */
export class QemuGdbStub implements GdbStub {
  readonly #machine: QemuMachine;
  readonly #runState: RunState;
  #client: GdbClient | undefined;
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
    const { title, ports } = this.#machine;
    if (this.client) {
      throw new InfrastructureError(
        `${title}: a debugger is attached already, and QEMU's stub serves one: detach it first.`,
      );
    }
    const attached = this.#runState.betweenLooks('attach a debugger', async () => {
      this.#stood = !(await this.#machine.status()).running;
      await this.open();
      return await connectGdb({
        port: ports.debug,
        resuming: (work) => this.#runState.betweenLooks('let the VM run', work),
      });
    });
    this.#client = await this.#machine.guard(attached);
    return this.#client;
  }

  async detach(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    if (this.#machine.died.aborted) {
      await client.close();
      return;
    }
    if (!client.closed) await (this.#stood && !client.running ? client.release() : client.detach());
    await this.close();
  }
}
