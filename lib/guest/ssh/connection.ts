import { connect, type Socket } from 'node:net';
import ssh2, { type PublicKeyAuthMethod } from 'ssh2';
import { answerWithin } from './answer-within.js';
import { type Channel, channelOf } from './channel.js';
import { type ConnectionOptions, unreachable } from './connection-options.js';
import { type ConnectionFailure, diagnose } from './diagnosis.js';

/** A connection to a guest's ssh server, from its beginning on; {@link loggedIn} says when it can be used. */
export class Connection {
  /** Resolves, never rejects, when the connection has ended: with what was seen of it. */
  readonly ended: Promise<string>;
  readonly #options: ConnectionOptions;
  readonly #client = new ssh2.Client();
  readonly #socket: Socket;
  readonly #ready: Promise<'ready'>;
  #failure: ConnectionFailure | undefined;
  #handshakeDone = false;
  #isOpen = true;

  /** Begins to connect and to log in. */
  constructor(options: ConnectionOptions) {
    const { endpoint, identity, hostKeys } = options;
    const { host, port, user: username } = endpoint;
    this.#options = options;
    // Until login two short packets in a row would cost 40 ms: Nagle's algorithm has the second one wait for an acknowledgement, which
    // the kernel at the other end, QEMU's user network, delays (TCP_DELACK_MIN, include/net/tcp.h).
    this.#socket = connect({ host, port, noDelay: true });
    this.#client.once('handshake', () => (this.#handshakeDone = true));
    this.#client.on('error', (error: ConnectionFailure) => {
      this.#failure ??= error;
      // The library closes its own side only, and waits for the other one.
      this.#socket.destroy();
    });
    this.#ready = new Promise((resolve) => this.#client.once('ready', resolve.bind(undefined, 'ready')));
    this.ended = new Promise((resolve) =>
      this.#client.once('close', () => {
        this.#isOpen = false;
        resolve(this.#failure?.message ?? 'the server closed the connection');
      }),
    );
    const byKey: PublicKeyAuthMethod = { type: 'publickey', username, key: identity };
    this.#client.connect({
      sock: this.#socket,
      username,
      authHandler: [byKey],
      // A VM that is stopped by a debugger keeps its connection: deadlines are the caller's matter.
      readyTimeout: 0,
      keepaliveInterval: 0,
      // What an emulated guest does fastest: a cipher that needs no AES instructions.
      algorithms: { cipher: { prepend: ['chacha20-poly1305@openssh.com'], append: [], remove: [] } },
      hostVerifier: (key: Buffer) => hostKeys?.some((known) => known.equals(key)) ?? true,
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Waits until the server has accepted the login.
   *
   * @throws {GuestUnreachableError} it did not, or not in time; the connection was ended.
   * @throws the signal's reason, as soon as that is aborted; the connection was ended.
   */
  async loggedIn(timeoutMs: number): Promise<void> {
    let outcome: string | undefined;
    try {
      outcome = await answerWithin(timeoutMs, Promise.race([this.#ready, this.ended]), this.#options);
    } finally {
      if (outcome !== 'ready') this.end();
    }
    if (outcome === 'ready') return;
    if (outcome === 'timeout') {
      throw unreachable(this.#options, 'no answer in time', `no login within ${Math.round(timeoutMs)} ms`);
    }
    throw unreachable(this.#options, diagnose(this.#failure, this.#handshakeDone), `ssh: ${outcome}`);
  }

  /** Has the user's login shell run a command. Undefined: the server closed the channel, or the connection, instead. */
  exec(command: string): Promise<Channel | undefined> {
    const answer = new Promise<Channel | undefined>((resolve) => {
      if (!this.#isOpen) {
        resolve(undefined);
        return;
      }
      this.#client.exec(command, (error, stream) => {
        resolve(error ? undefined : channelOf(stream));
      });
    });
    return Promise.race([answer, this.ended.then(() => undefined)]);
  }

  /** Ends the connection, and with it all that runs over it on this side. Waits for nothing: a guest that stands still reads no more. */
  end(): void {
    this.#isOpen = false;
    this.#client.end();
    this.#socket.destroy();
  }
}
