import { createServer, type Server, type Socket } from 'node:net';
import { leaseAddress, type LeaseScope } from './name.js';

export interface LeaseOptions {
  /** Default: `user`. */
  scope?: LeaseScope;
  /** What whoever finds the lease taken is told, at most 1,000 characters. Default: the pid of the holder. */
  holder?: string;
}

/** What is answered to somebody who asks is bounded on both sides. */
export const longestHolderText = 1_000;

/**
 * A name that one process at a time holds. It is given back by `release()`, or by the kernel when the process ends in any way.
 * It does not keep the process alive.
 */
export class Lease {
  readonly name: string;
  readonly #server: Server;
  readonly #askers: Set<Socket>;

  constructor(name: string, server: Server, askers: Set<Socket>) {
    this.name = name;
    this.#server = server;
    this.#askers = askers;
  }

  /** Gives the name back. Those who wait for it are woken. Calling it again does nothing. */
  async release(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // close() has unbound the name already: whoever is woken by the end of the connection can have it at once.
    for (const asker of this.#askers) asker.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/**
 * Takes the lease called `name`, or answers `undefined` when it is held, by this process or another one.
 *
 * @throws the system's error if the socket cannot be made for any other reason than being taken
 */
export async function acquireLease(name: string, options: LeaseOptions = {}): Promise<Lease | undefined> {
  const holder = (options.holder ?? `process ${process.pid}`).slice(0, longestHolderText);
  const askers = new Set<Socket>();
  const server = createServer((asker) => {
    askers.add(asker);
    asker.unref();
    asker.on('close', () => askers.delete(asker));
    // An asker that went away is its own affair; without a listener its reset would end this process.
    asker.on('error', () => asker.destroy());
    asker.write(holder);
  });
  server.unref();
  const bound = await bind(server, leaseAddress(name, options.scope ?? 'user'));
  return bound ? new Lease(name, server, askers) : undefined;
}

function bind(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ path, exclusive: true }, () => {
      resolve(true);
    });
  });
}
