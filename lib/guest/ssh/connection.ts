import { connect, type Socket } from 'node:net';
import ssh2, { type PublicKeyAuthMethod } from 'ssh2';
import { answerWithin } from './answer-within.js';
import { type Channel, channelOf } from './channel.js';
import { type ConnectionOptions, unreachable } from './connection-options.js';
import { type ConnectionFailure, diagnose } from './diagnosis.js';

/** A connection to a guest's ssh server, logged in. */
export class Connection {
  /** Resolves, never rejects, when the connection has ended: with what was seen of it. */
  readonly ended: Promise<string>;
  readonly #client: ssh2.Client;
  readonly #socket: Socket;
  #isOpen = true;

  constructor(client: ssh2.Client, socket: Socket, ended: Promise<string>) {
    this.#client = client;
    this.#socket = socket;
    this.ended = ended.finally(() => {
      this.#isOpen = false;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
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

  /** Ends the connection, and with it all that runs over it on this side. */
  end(): void {
    this.#isOpen = false;
    this.#client.end();
    // A guest that stands still never closes its side.
    this.#socket.destroySoon();
  }
}

/**
 * Connects to a guest's ssh server and logs in.
 *
 * @throws {GuestUnreachableError} it could not, or not in time; nothing is left of the attempt.
 * @throws the signal's reason, as soon as that is aborted.
 */
export async function logIn(options: ConnectionOptions, timeoutMs: number): Promise<Connection> {
  const { endpoint, identity, hostKeys } = options;
  const { host, port, user: username } = endpoint;
  const client = new ssh2.Client();
  let failure: ConnectionFailure | undefined;
  let handshakeDone = false;
  client.once('handshake', () => (handshakeDone = true));
  const ready = new Promise<'ready'>((resolve) => client.once('ready', resolve.bind(undefined, 'ready')));
  const ended = new Promise<string>((resolve) =>
    client.once('close', () => {
      resolve(failure?.message ?? 'the server closed the connection');
    }),
  );
  // Until login two short packets in a row would cost 40 ms: Nagle's algorithm has the second one wait for an acknowledgement, which
  // the kernel at the other end, QEMU's user network, delays (TCP_DELACK_MIN, include/net/tcp.h).
  const byKey: PublicKeyAuthMethod = { type: 'publickey', username, key: identity };
  const socket = connect({ host, port, noDelay: true });
  client.on('error', (error: ConnectionFailure) => {
    failure ??= error;
    // The library closes its own side only, and waits for the other one.
    socket.destroy();
  });
  client.connect({
    sock: socket,
    username,
    authHandler: [byKey],
    // A VM that is stopped by a debugger keeps its connection: deadlines are the caller's matter.
    readyTimeout: 0,
    keepaliveInterval: 0,
    // What an emulated guest does fastest: a cipher that needs no AES instructions.
    algorithms: { cipher: { prepend: ['chacha20-poly1305@openssh.com'], append: [], remove: [] } },
    hostVerifier: (key: Buffer) => hostKeys?.some((known) => known.equals(key)) ?? true,
  });
  const connection = new Connection(client, socket, ended);
  let outcome: string | undefined;
  try {
    outcome = await answerWithin(timeoutMs, Promise.race([ready, ended]), options);
  } finally {
    if (outcome !== 'ready') connection.end();
  }
  if (outcome === 'ready') return connection;
  if (outcome === 'timeout') {
    throw unreachable(options, 'no answer in time', `no login within ${Math.round(timeoutMs)} ms`);
  }
  throw unreachable(options, diagnose(failure, handshakeDone), `ssh: ${outcome}`);
}
