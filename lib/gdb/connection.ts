import type { Socket } from 'node:net';
import { budgetClock } from '../host/budget/index.js';
import { GdbClosedError, GdbProtocolError, GdbTimeoutError } from './errors.js';
import { encodePacket, PacketReader } from './packet.js';

/** QEMU's own packets have at most 4 KiB (gdbstub.c, MAX_PACKET_LENGTH) and twice that in hexadecimal; others may have more. */
const MAX_PACKET_BYTES = 256 * 1024;
/** How often a damaged packet is sent anew, in either direction. On a socket none is ever damaged. */
const MAX_RESENDS = 3;
const INTERRUPT = '\x03';
/** What a stub has to answer the probe after a request's deadline, in ms. */
const GRACE_MS = 1000;
/** Asks for the current thread. The reply, `QC…`, looks like no other that is asked for here. */
const PROBE = 'qC';

interface Request {
  readonly payload: string;
  /** A resume has no reply of its own: the stop that follows some day is one. */
  readonly answered: boolean;
  /** Its deadline is no more. */
  cancel: () => void;
  readonly resolve: (reply: string) => void;
  readonly reject: (error: Error) => void;
  resends: number;
}

/** Requests of which one may be lost, and what was answered since: whether all were is known when the probe behind them is answered. */
interface Doubt {
  readonly requests: number;
  readonly replies: string[];
}

export interface GdbConnectionOptions {
  /** For messages: `127.0.0.1:1234`. */
  readonly where: string;
  /** Deadline of each request in ms. */
  readonly timeoutMs: number;
  /**
   * A stop reply, which nobody asked for.
   * @returns whether the VM was thought to stand: a request that is under way may be what stopped it, and is lost then
   */
  readonly onStop: (payload: string) => boolean;
  /** The connection ended. */
  readonly onClose: (reason: GdbClosedError) => void;
}

/**
 * One conversation with a stub: requests in order, several under way at once, each with a deadline, acknowledged both ways
 * until no-ack mode is agreed on. Any failure of the conversation itself closes it for good.
 */
export class GdbConnection {
  readonly #socket: Socket;
  readonly #options: GdbConnectionOptions;
  readonly #reader = new PacketReader(MAX_PACKET_BYTES);
  /** Sent, not yet acknowledged. */
  readonly #unacknowledged: Request[] = [];
  /** Acknowledged, not yet answered. */
  readonly #unanswered: Request[] = [];
  readonly #ended: Promise<void>;
  #acknowledging = true;
  #doubt: Doubt | undefined;
  #corrupt = 0;
  #closed: GdbClosedError | undefined;

  constructor(socket: Socket, options: GdbConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('error', (error) => {
      this.#lost(`the connection broke: ${error.message}`);
    });
    socket.on('end', () => {
      this.#lost('QEMU closed it (it exited, crashed, or the stub was closed)');
    });
    socket.on('close', () => {
      this.#lost('it was closed');
    });
    socket.resume();
  }

  get closed(): GdbClosedError | undefined {
    return this.#closed;
  }

  /** Sends a request and waits for its reply's payload. Several may be under way. */
  request(payload: string, timeoutMs?: number): Promise<string> {
    return this.#send(payload, true, timeoutMs);
  }

  /** Sends a request that resumes the VM; resolves when the stub has taken it. */
  async resume(payload: string): Promise<void> {
    await this.#send(payload, false);
  }

  /** Sends the out-of-band interrupt, which stops a running VM. */
  interrupt(): void {
    this.#socket.write(INTERRUPT, 'latin1');
  }

  /** No acknowledgements from here on: the stub has agreed. */
  stopAcknowledging(): void {
    this.#acknowledging = false;
  }

  /** Ends the conversation and rejects what is pending. Resolves when the socket is closed. */
  async close(): Promise<void> {
    this.#fail(new GdbClosedError(`The gdb connection to ${this.#options.where} was closed.`, false));
    await this.#ended;
  }

  #send(payload: string, answered: boolean, timeoutMs = this.#options.timeoutMs): Promise<string> {
    if (this.#closed !== undefined) {
      return Promise.reject(
        new GdbClosedError(this.#closed.message, this.#closed.byPeer, { cause: this.#closed }),
      );
    }
    return new Promise((resolve, reject) => {
      const cancel = budgetClock.after(timeoutMs, (note) => {
        this.#late(request, `${String(timeoutMs)} ms${note}`);
      });
      const request: Request = { payload, answered, cancel, resolve, reject, resends: 0 };
      if (this.#acknowledging) this.#unacknowledged.push(request);
      else this.#accepted(request);
      this.#socket.write(encodePacket(payload), 'latin1');
    });
  }

  /** From QEMU 8.1 on a stub does not say that a request's first byte has stopped the VM: what answers a probe has lost that request. */
  #late(request: Request, after: string): void {
    const { payload, answered } = request;
    const giveUp = (): void => {
      this.#fail(
        new GdbTimeoutError(
          `The gdb stub at ${this.#options.where} did not answer "${payload.slice(0, 80)}" within ${after}. ` +
            'The connection is given up.',
        ),
      );
    };
    if (!answered || payload === PROBE || this.#doubt !== undefined) {
      giveUp();
      return;
    }
    request.cancel = budgetClock.after(GRACE_MS, giveUp);
    this.#probe(this.#unacknowledged.length + this.#unanswered.length);
  }

  #accepted(request: Request): void {
    if (request.answered) {
      this.#unanswered.push(request);
    } else {
      request.cancel();
      request.resolve('');
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    try {
      for (const event of this.#reader.push(chunk.toString('latin1'))) {
        if (event.kind === 'ack') this.#acknowledged();
        else if (event.kind === 'nak') this.#resend();
        else if (event.kind === 'corrupt') this.#askAgain(event.raw);
        else this.#answer(event.payload);
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #acknowledged(): void {
    const request = this.#unacknowledged.shift();
    if (request !== undefined) this.#accepted(request);
  }

  /** The stub got our oldest packet damaged. Those behind it overtake it; their replies come in the order of acceptance. */
  #resend(): void {
    const request = this.#unacknowledged.shift();
    if (request === undefined) return;
    request.resends += 1;
    if (request.resends > MAX_RESENDS) {
      this.#unacknowledged.unshift(request);
      throw new GdbProtocolError(
        `The gdb stub refused "${request.payload.slice(0, 80)}" as damaged ${String(request.resends)} times.`,
      );
    }
    this.#unacknowledged.push(request);
    this.#socket.write(encodePacket(request.payload), 'latin1');
  }

  /** A stub keeps its last packet only: it can repeat it as long as no other request is behind. */
  #askAgain(raw: string): void {
    this.#corrupt += 1;
    const alone = this.#unacknowledged.length === 0 && this.#unanswered.length <= 1;
    if (!this.#acknowledging || !alone || this.#corrupt > MAX_RESENDS) {
      throw new GdbProtocolError(
        `A packet of the gdb stub has a wrong checksum (${String(this.#corrupt)} so far): ${JSON.stringify(raw.slice(0, 60))}`,
      );
    }
    this.#socket.write('-');
  }

  #answer(payload: string): void {
    this.#corrupt = 0;
    if (this.#acknowledging) this.#socket.write('+');
    if (this.#unanswered.length > 0) {
      this.#reply(payload);
    } else if (/^[TSWX]/.test(payload)) {
      const pending = this.#unacknowledged.length;
      if (this.#options.onStop(payload) && pending > 0) this.#probe(pending);
    } else if (!/^O(?:[0-9a-f]{2})+$/i.test(payload)) {
      // Only console output (O and hexadecimal text) may come unasked at any time; it is of no interest here.
      throw new GdbProtocolError(
        `The gdb stub sent an unasked packet: ${JSON.stringify(payload.slice(0, 60))}`,
      );
    }
  }

  #reply(payload: string): void {
    if (this.#doubt === undefined) {
      this.#answered(payload);
      return;
    }
    const { requests, replies } = this.#doubt;
    replies.push(payload);
    if (!payload.startsWith('QC')) return;
    if (replies.length <= requests) {
      throw new GdbProtocolError(
        "The VM was resumed behind this debugger's back (by the monitor's cont?): a request has stopped it again and is lost.",
      );
    }
    this.#doubt = undefined;
    for (const reply of replies) this.#answered(reply);
  }

  #answered(payload: string): void {
    const request = this.#unanswered.shift();
    request?.cancel();
    request?.resolve(payload);
  }

  /**
   * The VM has stopped while requests were under way. Either that is old news that crossed them (somebody else let it run and
   * stopped it again), or the first byte of the oldest has stopped it and is lost: then the others' replies are each one too early,
   * so that nobody gets one before the probe's reply has told.
   */
  #probe(requests: number): void {
    if (this.#doubt !== undefined) return; // The stop that began the doubt is told from a second one by nothing, nor need it be.
    this.#doubt = { requests, replies: [] };
    // The requests' own deadlines tell if it is never answered.
    this.#send(PROBE, true).catch(() => undefined);
  }

  #lost(what: string): void {
    this.#fail(new GdbClosedError(`The gdb connection to ${this.#options.where} ended: ${what}.`, true));
  }

  /** Ends the conversation: the oldest request gets the reason, those behind it that the connection is closed. */
  #fail(reason: Error): void {
    if (this.#closed !== undefined) return;
    const closed =
      reason instanceof GdbClosedError
        ? reason
        : new GdbClosedError(`The gdb connection is closed: ${reason.message}`, false, { cause: reason });
    this.#closed = closed;
    this.#socket.destroy();
    const pending = [...this.#unanswered.splice(0), ...this.#unacknowledged.splice(0)];
    pending.forEach((request, index) => {
      request.cancel();
      request.reject(
        index === 0 ? reason : new GdbClosedError(closed.message, closed.byPeer, { cause: closed }),
      );
    });
    this.#options.onClose(closed);
  }
}
