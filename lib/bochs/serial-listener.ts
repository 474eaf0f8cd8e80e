import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A port on 127.0.0.1 that takes one connection: one end of a serial line of Bochs's. */
export interface SerialListener {
  readonly port: number;
  /** Rejects when the listener was closed before anybody connected. */
  readonly connection: Promise<Socket>;
  /** Ends the listener, and the connection. */
  close(): void;
}

/** Begins to listen. The first connection is the only one: nobody else can come in between or afterwards. */
export async function listenForSerial(): Promise<SerialListener> {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once('connection', (socket) => {
      server.close();
      socket.on('error', () => undefined);
      resolve(socket);
    });
    server.once('close', () => {
      reject(new Error('the serial line was closed before Bochs connected to it'));
    });
  });
  connection.catch(() => undefined);
  return {
    port: (server.address() as AddressInfo).port,
    connection,
    close: () => {
      server.close();
      connection.then(
        (socket) => socket.destroy(),
        () => undefined,
      );
    },
  };
}
