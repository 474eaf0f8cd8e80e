import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import getPort from 'get-port';

import type { Monitor } from '../../../lib/monitor/index.js';
import { tcpSockets } from '../../../lib/monitor/tcp-table.js';

/** `setpriv` makes QEMU end with the test worker, however that ends. */
const COMMAND = '--pdeathsig KILL qemu-system-x86_64 -accel tcg -M q35 -nodefaults -display none'.split(' ');

/**
 * A QEMU that runs nothing but its firmware (or stands before its first instruction: `-S`), for tests of the protocols.
 * Its sockets are on 127.0.0.1 and in a folder of its own.
 */
export class FirmwareQemu {
  readonly pid: number;
  readonly folder: string;
  readonly #process: ChildProcess;
  #errors = '';

  private constructor(folder: string, args: readonly string[]) {
    this.folder = folder;
    this.#process = spawn('setpriv', [...COMMAND, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: folder,
    });
    this.pid = this.#process.pid ?? 0;
    this.#process.stderr?.on(
      'data',
      (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4096)),
    );
  }

  /** Starts one with a TCP monitor, a unix monitor, and what `args` add; `FOLDER` in them is its own folder. */
  static async start(...args: string[]): Promise<FirmwareQemu> {
    const folder = mkdtempSync(join(tmpdir(), 'firmware-qemu-'));
    const qemu = new FirmwareQemu(folder, [
      ...['-monitor', `tcp:127.0.0.1:${await getPort({ host: '127.0.0.1' })},server,nowait`],
      ...['-monitor', `unix:${folder}/monitor.sock,server,nowait`],
      ...args.map((arg) => arg.replaceAll('FOLDER', folder)),
    ]);
    await qemu.orEnd(() =>
      qemu.waitFor('the monitors', () =>
        existsSync(qemu.monitorPath) && qemu.ports.length > 0 ? true : undefined,
      ),
    );
    return qemu;
  }

  get monitorPath(): string {
    return join(this.folder, 'monitor.sock');
  }

  /** The TCP ports that this process listens on. */
  get ports(): number[] {
    const own = new Set(
      readdirSync(`/proc/${String(this.pid)}/fd`).flatMap((fd) => {
        try {
          return [readlinkSync(`/proc/${String(this.pid)}/fd/${fd}`)];
        } catch {
          return []; // closed meanwhile
        }
      }),
    );
    return tcpSockets()
      .filter((socket) => socket.state === 'listening' && own.has(`socket:[${String(socket.inode)}]`))
      .map((socket) => socket.localPort);
  }

  /** The monitor's TCP port, when it is the only one. */
  get monitorPort(): number {
    return this.ports[0] ?? 0;
  }

  /** Polls until `look` finds something, for at most 20 s, or until QEMU ends. */
  async waitFor<T>(what: string, look: () => T | undefined): Promise<T> {
    const end = performance.now() + 20_000;
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`QEMU ended early: ${this.#errors}`);
      const found = look();
      if (found !== undefined) return found;
      if (performance.now() > end) throw new Error(`No sign of ${what} after 20 s: ${this.#errors}`);
      await delay(5);
    }
  }

  /** Opens a gdb stub through the monitor, at a port that the kernel chooses. @returns the port */
  async openStub(monitor: Monitor): Promise<number> {
    const before = new Set(this.ports);
    await monitor.gdbserver(0);
    return this.waitFor('the gdb stub', () => this.ports.find((port) => !before.has(port)));
  }

  /** Does what a test needs before it owns this QEMU; ends it if that fails. */
  async orEnd<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exit = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await exit;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
