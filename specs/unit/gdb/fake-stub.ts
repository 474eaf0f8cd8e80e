import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { encodePacket } from '../../../lib/gdb/packet.js';

/** What the fake stub does with one request: the bytes to send. `nth` counts how often this request has come, from 1. */
export type StubBehaviour = (request: string, nth: number) => string | Buffer | { readonly end: string };

export const ack = (payload: string): string => `+${encodePacket(payload)}`;

const ORDINARY: Record<string, string> = {
  'qSupported:hwbreak+;vContSupported+': 'PacketSize=1000;qXfer:features:read+',
  '?': 'T05thread:01;',
  qfThreadInfo: 'm01',
  qsThreadInfo: 'l',
  Hg1: 'OK',
  D: 'OK',
  'Qqemu.PhyMemMode:1': 'OK',
  'Qqemu.PhyMemMode:0': 'OK',
};

/** A gdb stub on an ephemeral port of 127.0.0.1: ordinary answers, and what `behaviour` says instead of them. */
export class FakeStub {
  readonly port: number;
  /** Payloads of the requests that came with a right checksum, in order. */
  readonly requests: string[] = [];
  /** Acknowledgements that came. */
  acks = '';
  interrupts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(
    server: Server,
    behaviour: (request: string, nth: number) => ReturnType<StubBehaviour> | undefined,
  ) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      let buffer = '';
      socket.on('data', (data: Buffer) => {
        buffer += data.toString('latin1');
        for (;;) {
          const event = /^(?:([+-])|(\x03)|\$([^#]*)#..)/s.exec(buffer);
          if (event === null) return;
          buffer = buffer.slice(event[0].length);
          if (event[1] !== undefined) this.acks += event[1];
          if (event[2] !== undefined) this.interrupts += 1;
          const request = event[2] ?? event[3];
          if (request === undefined) continue;
          this.requests.push(request);
          const nth = this.requests.filter((other) => other === request).length;
          const answer = behaviour(request, nth) ?? ack(ORDINARY[request] ?? '');
          if (typeof answer === 'string') socket.write(answer, 'latin1');
          else if (Buffer.isBuffer(answer)) socket.write(answer);
          else socket.end(answer.end, 'latin1');
        }
      });
    });
  }

  static async start(
    behaviour: (request: string, nth: number) => ReturnType<StubBehaviour> | undefined,
  ): Promise<FakeStub> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeStub(server, behaviour);
  }

  /** Sends something that nobody asked for. */
  push(text: string): void {
    for (const socket of this.#sockets) socket.write(text, 'latin1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
