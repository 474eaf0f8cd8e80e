import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP server on 127.0.0.1 that treats its n-th connection (from 1) as the test says. */
export class FakeServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  static async start(onConnection: (socket: Socket, count: number) => void): Promise<FakeServer> {
    const sockets = new Set<Socket>();
    let count = 0;
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      count += 1;
      onConnection(socket, count);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeServer(server, sockets);
  }

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A port on which nothing listens: one that was just given back. */
export async function closedPort(): Promise<number> {
  const server = await FakeServer.start(() => undefined);
  await server[Symbol.asyncDispose]();
  return server.port;
}
