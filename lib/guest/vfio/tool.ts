import { InfrastructureError } from '../../errors.js';
import type { LineProcess, LineShell } from '../command-shell.js';
import { withBroughtTools } from '../tools/index.js';
import { VfioError, type VfioToolFailure } from './errors.js';
import { Reply } from './reply.js';

/** Arguments of an operation; those that are undefined are left out. */
export type ToolArguments = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/** The program that every stack's guest must have: in its image, or brought there. */
const vfioMap = 'vfio-map';

/** For operations without a budget of their own. Pinning 256 MiB takes seconds under TCG. */
const defaultTimeoutMs = 60_000;

/**
 * One running vfio-map in the guest: a process that holds its mappings open and does one operation at a time. What it can
 * do is described in images/reference/tools/README.md.
 */
export class VfioTool implements AsyncDisposable {
  readonly #process: LineProcess;
  readonly #program: string;
  readonly #timeoutMs: number;
  #lastId = 0;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(process: LineProcess, program: string, timeoutMs: number) {
    this.#process = process;
    this.#program = program;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @param program vfio-map, or one that speaks its protocol and does what it does
   * @param timeoutMs for operations without a budget of their own
   */
  static async start(guest: LineShell, program = vfioMap, timeoutMs = defaultTimeoutMs): Promise<VfioTool> {
    return new VfioTool(
      await guest.spawn(['sh', '-c', `${withBroughtTools}; exec "$1"`, 'sh', program]),
      program,
      timeoutMs,
    );
  }

  /**
   * Does one operation; operations wait for each other.
   *
   * @throws VfioError when it cannot be done
   */
  request(op: string, args: ToolArguments = {}, timeoutMs = this.#timeoutMs): Promise<Reply> {
    const result = this.#queue.then(() => this.#exchange(op, args, timeoutMs));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Ends the process; its mappings go with it. */
  async exit(): Promise<void> {
    await this.request('exit');
    await this.#process.exited;
  }

  /** Ends the process as the kernel does (SIGKILL), while its mappings are there. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #exchange(op: string, args: ToolArguments, timeoutMs: number): Promise<Reply> {
    const id = ++this.#lastId;
    await this.#process.writeLine(
      JSON.stringify({ id, op, ...args }, (_, value: unknown) =>
        typeof value === 'bigint' ? hex(value) : value,
      ),
    );
    const line = await this.#process.readLine({ timeoutMs });
    const reply = Reply.parse(line);
    if (reply.number('id') !== id) {
      throw new InfrastructureError(`${this.#program} answered request ${id} with: ${line.slice(0, 500)}`);
    }
    if (!reply.flag('ok')) throw new VfioError(op, failureOf(reply.part('error')));
    return reply;
  }
}

function failureOf(error: Reply): VfioToolFailure {
  return {
    kind: error.text('kind'),
    tried: error.text('tried'),
    ...(error.has('errno') ? { errno: error.text('errno'), meaning: error.text('meaning') } : {}),
  };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
