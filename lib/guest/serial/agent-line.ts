import type { Duplex } from 'node:stream';

import { InfrastructureError } from '../../errors.js';
import { LineFramer } from '../ssh/line-framer.js';
import { GuestPausedError } from './errors.js';
import { unescape } from './escape.js';

/** What the agent says of a program: see images/ept/agent/main.c. */
export interface AgentListener {
  out(bytes: Buffer): void;
  err(bytes: Buffer): void;
  /** It ended, or (with an error) nothing more will be heard of it. */
  ended(end: number | Error): void;
}

/** Whether whoever asks has the machine standing still until it is done. */
export type PausedByCaller = () => boolean;

/** The agent's own numbers bound a message to three times 4 KiB and its head. */
const maxLineBytes = 64 << 10;
const version = '1';

/**
 * The line to the serial agent of a guest: messages to it, and what it says to whom they concern. What is no message of the agent's is
 * an error of the line, and ends it: bytes that got lost must not become output.
 */
export class AgentLine {
  /** Resolves when the agent has said hello. */
  readonly ready: Promise<void>;
  readonly #title: string;
  readonly #stream: Duplex;
  readonly #pausedByCaller: PausedByCaller;
  readonly #listeners = new Map<number, AgentListener>();
  readonly #framer = new LineFramer(maxLineBytes);
  #ended: Error | undefined;
  #lastId = 0;
  #hello!: (problem?: Error) => void;

  constructor(title: string, stream: Duplex, pausedByCaller: PausedByCaller = () => false) {
    this.#title = title;
    this.#stream = stream;
    this.#pausedByCaller = pausedByCaller;
    this.ready = new Promise((resolve, reject) => {
      this.#hello = (problem) => {
        if (problem) reject(problem);
        else resolve();
      };
    });
    this.ready.catch(() => undefined);
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const line of this.#framer.push(chunk)) this.#take(line);
      } catch (error) {
        this.#end(error as Error);
      }
    });
    stream.once('close', () => {
      this.#end(
        new InfrastructureError(`${title}: its serial line was closed. Look at its console for the reason.`),
      );
    });
  }

  /** To be called before the guest is waited for. @throws GuestPausedError it cannot answer while the caller waits */
  mustRun(): void {
    if (this.#pausedByCaller()) throw new GuestPausedError(this.#title);
  }

  /** Starts something of which `listener` is told. Returns its number. @throws why the line has ended. @throws GuestPausedError */
  open(listener: AgentListener): number {
    if (this.#ended) throw this.#ended;
    this.mustRun();
    this.#lastId += 1;
    this.#listeners.set(this.#lastId, listener);
    return this.#lastId;
  }

  /** Sends a message whose words are escaped already. What is sent to a line that has ended is lost. */
  send(...words: readonly (string | number)[]): void {
    if (!this.#ended) this.#stream.write(`${words.join(' ')}\n`);
  }

  /** Ends the line from this side. */
  close(): void {
    this.#end(
      new InfrastructureError(`${this.#title}: its guest shell was closed: ask before the machine ends.`),
    );
    this.#stream.destroy();
  }

  /** Everything that was started hears of this as its end. */
  #end(problem: Error): void {
    if (this.#ended) return;
    this.#ended = problem;
    this.#hello(problem);
    for (const listener of this.#listeners.values()) listener.ended(problem);
    this.#listeners.clear();
  }

  #take(line: string): void {
    const [kind = '', number = '', word = '', ...more] = line.split(' ');
    const bytes = more.length === 0 ? unescape(word) : undefined;
    const listener = this.#listeners.get(Number(number));
    if (kind === 'hello' && number === version) {
      this.#hello();
    } else if (bytes === undefined || !/^(out|err|exit)$/.test(kind)) {
      throw new InfrastructureError(
        `${this.#title}: this came over the serial line, and is no message of its agent: ${JSON.stringify(line.slice(0, 200))}. Does the guest write to this line?`,
      );
    } else if (kind === 'out') {
      listener?.out(bytes);
    } else if (kind === 'err') {
      listener?.err(bytes);
    } else {
      this.#listeners.delete(Number(number));
      listener?.ended(Number(bytes.toString('latin1')));
    }
  }
}
