import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

export const GREETING = "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ";

/** What QEMU's line editor shows for each key (util/readline.c, as far as a client types). */
class FakeReadline {
  #line = '';
  #shown = '';

  /** @returns what is echoed, and the command when the key completed one */
  key(key: string): { echo: string; command?: string } {
    if (key === '\n') {
      const command = this.#line;
      this.#line = '';
      this.#shown = '';
      return { echo: '\r\n', command };
    }
    if (key === '\x7f') this.#line = this.#line.slice(0, -1);
    else if (key >= ' ') this.#line += key;
    if (this.#line === this.#shown) return { echo: '' };
    const echo = `${'\x1b[D'.repeat(this.#shown.length)}${this.#line}\x1b[K`;
    this.#shown = this.#line;
    return { echo };
  }
}

/** All that a monitor sends when `keys` are typed, replies by `answer`. */
export function conversation(keys: string, answer: (command: string) => string): string {
  const readline = new FakeReadline();
  let sent = '';
  for (const key of keys) {
    const { echo, command } = readline.key(key);
    sent += echo;
    if (command !== undefined) sent += `${answer(command).replaceAll('\n', '\r\n')}(qemu) `;
  }
  return sent;
}

export interface FakeMonitorOptions {
  /** The reply to a command (lines end in \n), `'hang'` to stay silent for ever, or `{ close: text }` to send text and end. */
  readonly answer?: (command: string) => string | { readonly close: string };
  readonly greeting?: string;
  /** Send in pieces of this many bytes, each in a chunk of its own. */
  readonly pieces?: number;
}

/** A monitor on an ephemeral port of 127.0.0.1. */
export class FakeMonitor {
  readonly port: number;
  /** Commands that were completed with a newline, in order. */
  readonly commands: string[] = [];
  /** NUL bytes that came. */
  nuls = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, options: FakeMonitorOptions) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.#serve(socket, options);
    });
  }

  static async start(options: FakeMonitorOptions = {}): Promise<FakeMonitor> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeMonitor(server, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, { answer = () => '', greeting = GREETING, pieces }: FakeMonitorOptions): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    let sending = Promise.resolve();
    const send = (text: string): void => {
      sending = sending.then(() => sendInPieces(socket, text, pieces ?? text.length));
    };
    send(greeting);
    const readline = new FakeReadline();
    let hung = false;
    socket.on('data', (data: Buffer) => {
      // As QEMU's chardev does with telnet's three-byte commands.
      for (const key of data.toString('latin1').replaceAll(/\xff[\xfb-\xfe]./gs, '')) {
        if (key === '\0') this.nuls += 1;
        if (hung) continue;
        const { echo, command } = readline.key(key);
        send(echo);
        if (command === undefined) continue;
        this.commands.push(command);
        const reply = answer(command);
        if (reply === 'hang') {
          hung = true;
        } else if (typeof reply === 'string') {
          send(`${reply.replaceAll('\n', '\r\n')}(qemu) `);
        } else {
          hung = true;
          send(reply.close);
          void sending.then(() => socket.end());
        }
      }
    });
  }
}

async function sendInPieces(socket: Socket, text: string, size: number): Promise<void> {
  for (let at = 0; at < text.length; at += size) {
    socket.write(text.slice(at, at + size), 'latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
