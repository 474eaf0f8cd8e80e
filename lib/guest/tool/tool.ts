import path from 'node:path';

import { InfrastructureError } from '../../errors.js';
import { hex } from '../../paging/index.js';
import type { LineProcess, LineShell } from '../command-shell.js';
import { withBroughtTools } from '../tools/index.js';
import { ToolError, type ToolFailure } from './errors.js';
import { Reply } from './reply.js';

/** Arguments of an operation; those that are undefined are left out. */
export type ToolArguments = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/** For operations without a budget of their own. Pinning 256 MiB takes seconds under TCG. */
const defaultTimeoutMs = 60_000;

export interface ToolOptions {
  /** For operations without a budget of their own. */
  readonly timeoutMs?: number;
  /** What is thrown where an operation cannot be done. Default: a ToolError. */
  readonly errorOf?: (op: string, failure: ToolFailure) => ToolError;
}

/**
 * A program in the guest that reads one JSON object a line, a request, and answers each with one: a process that does one operation at a
 * time. The protocol is described in images/reference/tools/README.md.
 */
export class GuestTool implements AsyncDisposable {
  readonly #process: LineProcess;
  readonly #program: string;
  readonly #timeoutMs: number;
  readonly #errorOf: (op: string, failure: ToolFailure) => ToolError;
  #lastId = 0;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(process: LineProcess, program: string, options: ToolOptions) {
    this.#process = process;
    this.#program = program;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#errorOf = options.errorOf ?? ((op, failure) => new ToolError(path.basename(program), op, failure));
  }

  /**
   * @param program its name where it is one of the project's, else its path in the guest
   */
  static async start(guest: LineShell, program: string, options: ToolOptions = {}): Promise<GuestTool> {
    return new GuestTool(
      await guest.spawn(['sh', '-c', `${withBroughtTools}; exec "$1"`, 'sh', program]),
      program,
      options,
    );
  }

  /**
   * Does one operation; operations wait for each other.
   *
   * @throws ToolError when it cannot be done
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
    const request = JSON.stringify({ id, op, ...args }, (_, value: unknown) =>
      typeof value === 'bigint' ? hex(value) : value,
    );
    await this.#process.writeLine(request);
    const line = await this.#process.readLine({ timeoutMs });
    const reply = Reply.parse(path.basename(this.#program), line);
    const failure = reply.flag('ok') ? undefined : failureOf(reply.part('error'));
    // A request that it cannot read has no id for it.
    if (failure?.kind === 'malformed') {
      throw this.#errorOf(op, {
        ...failure,
        tried: `the request ${request.slice(0, 500)}: ${failure.tried}`,
      });
    }
    if (reply.number('id') !== id) {
      throw new InfrastructureError(
        `${this.#program} answered request ${id} with: ${line.slice(0, 500)}. Is it this project's?`,
      );
    }
    if (failure) throw this.#errorOf(op, failure);
    return reply;
  }
}

function failureOf(error: Reply): ToolFailure {
  return {
    kind: error.text('kind'),
    tried: error.text('tried'),
    ...(error.has('errno') ? { errno: error.text('errno'), meaning: error.text('meaning') } : {}),
  };
}
