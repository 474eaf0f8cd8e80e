import { expect, test } from '@playwright/test';
import {
  connectGdb,
  GdbClosedError,
  GdbConnectError,
  GdbProtocolError,
  GdbRefusedError,
  GdbStateError,
  GdbTimeoutError,
} from '../../../lib/gdb/index.js';
import { encodePacket } from '../../../lib/gdb/packet.js';
import { ack, FakeStub } from './fake-stub.js';

/** Four bytes at 0x1000, asked for by `m1000,4`. */
const READ = 'm1000,4';
const read = async (stub: FakeStub, timeoutMs = 2_000) => {
  const gdb = await connectGdb({ port: stub.port, timeoutMs });
  try {
    return Buffer.from(await gdb.readPhysical(0x1000n, 4)).toString('hex');
  } finally {
    await gdb.close();
  }
};

test('a request that the stub got damaged is sent again, a few times', async () => {
  await using stub = await FakeStub.start((request, nth) =>
    request === READ ? (nth < 3 ? '-' : ack('01020304')) : undefined,
  );
  expect(await read(stub)).toBe('01020304');
  expect(stub.requests.filter((request) => request === READ)).toHaveLength(3);
  await using deaf = await FakeStub.start((request) => (request === READ ? '-' : undefined));
  await expect(read(deaf)).rejects.toBeInstanceOf(GdbProtocolError);
  expect(deaf.requests.filter((request) => request === READ)).toHaveLength(4);
});

test('a damaged reply is asked for again, a few times', async () => {
  let repeats = 0;
  await using stub = await FakeStub.start((request) => {
    if (request !== READ) return undefined;
    repeats = 1;
    return '+$01020304#00';
  });
  const reading = read(stub);
  await expect.poll(() => stub.acks.endsWith('-')).toBe(true);
  expect(repeats).toBe(1);
  stub.push(encodePacket('0a0b0c0d'));
  expect(await reading).toBe('0a0b0c0d');
  await using broken = await FakeStub.start((request) =>
    request === READ ? `+${'$01020304#00'.repeat(4)}` : undefined,
  );
  await expect(read(broken)).rejects.toBeInstanceOf(GdbProtocolError);
});

test('every reply is acknowledged', async () => {
  await using stub = await FakeStub.start((request) => (request === READ ? ack('01020304') : undefined));
  await read(stub);
  await expect.poll(() => stub.acks).toBe('+'.repeat(stub.requests.length));
});

test("calls at the same time do not take each other's address mode or vCPU", async () => {
  let mode = '0';
  let vcpu = '';
  await using stub = await FakeStub.start((request) => {
    if (request.startsWith('Qqemu.PhyMemMode:')) mode = request.slice(-1);
    if (request.startsWith('Hg')) vcpu = request.slice(2);
    if (request.startsWith('m')) return ack(mode === '1' ? 'aa' : '0'.concat(vcpu));
    return request.startsWith('Hg') || request.startsWith('Qqemu') ? ack('OK') : undefined;
  });
  const gdb = await connectGdb({ port: stub.port });
  const reads = await Promise.all([
    gdb.readPhysical(0n, 1),
    gdb.readVirtual(0n, 1, 0),
    gdb.readVirtual(0n, 1, 1),
    gdb.readPhysical(0n, 1),
  ]);
  expect(reads.map(([byte]) => byte)).toEqual([0xaa, 0x01, 0x02, 0xaa]);
  await gdb.close();
});

test('reads longer than the stub allows go out in pieces, several at once, and come together in order', async () => {
  await using stub = await FakeStub.start((request) => {
    const [, address = '', size = ''] = /^m([0-9a-f]+),([0-9a-f]+)$/.exec(request) ?? [];
    if (address === '') return undefined;
    const fill = (Number.parseInt(address, 16) >> 11) & 0xff;
    return ack(fill.toString(16).padStart(2, '0').repeat(Number.parseInt(size, 16)));
  });
  const gdb = await connectGdb({ port: stub.port });
  const bytes = await gdb.readPhysical(0n, 100 * 0x800 + 5);
  expect(bytes).toHaveLength(100 * 0x800 + 5);
  expect(bytes.every((byte, index) => byte === index >> 11)).toBe(true);
  expect(
    stub.requests.filter((request) => request.startsWith('m')).every((request) => /,(800|5)$/.test(request)),
  ).toBe(true);
  await gdb.close();
});

for (const [what, answer] of [
  ['too few bytes', ack('010203')],
  ['too many bytes', ack('0102030405')],
  ['no digits', ack('hello!!!')],
  ['text outside of packets', 'garbage'],
  ['an oversized packet', `+$${'00'.repeat(200_000)}#00`],
  ['a packet that was not asked for', `${ack('01020304')}${encodePacket('OK')}${encodePacket('OK')}`],
] as const) {
  test(`${what} for a memory read is a protocol error or is caught before the next request`, async () => {
    await using stub = await FakeStub.start((request) => (request === READ ? answer : undefined));
    const gdb = await connectGdb({ port: stub.port });
    const reads = (async () => {
      await gdb.readPhysical(0x1000n, 4);
      await expect.poll(() => gdb.closed).toBe(true);
      throw new GdbProtocolError('closed');
    })();
    await expect(reads).rejects.toBeInstanceOf(GdbProtocolError);
    await gdb.close();
  });
}

test('a refusal is typed and leaves the connection usable', async () => {
  await using stub = await FakeStub.start((request, nth) =>
    request === READ ? ack(nth === 1 ? 'E14' : '01020304') : undefined,
  );
  const gdb = await connectGdb({ port: stub.port });
  await expect(gdb.readPhysical(0x1000n, 4)).rejects.toMatchObject({
    name: GdbRefusedError.name,
    reply: 'E14',
  });
  expect(await gdb.readPhysical(0x1000n, 4)).toHaveLength(4);
  await gdb.close();
});

test('a stop that crosses a request does it no harm', async () => {
  await using stub = await FakeStub.start((request) => {
    if (request === READ) return `${encodePacket('T05thread:01;')}${ack('01020304')}`;
    return request === 'qC' ? ack('QCp01.01') : undefined;
  });
  expect(await read(stub)).toBe('01020304');
});

test('of several requests the one that stopped the VM is lost: the replies to the others are not taken for its own', async () => {
  let reads = 0;
  await using stub = await FakeStub.start((request) => {
    if (request === 'qC') return ack('QCp01.01');
    if (!request.startsWith('m')) return undefined;
    reads += 1;
    return reads === 1 ? encodePacket('T05thread:01;') : ack(String(reads).padStart(2, '0'));
  });
  const gdb = await connectGdb({ port: stub.port });
  const reading = gdb.readPhysicalMany(
    [0x1000n, 0x2000n, 0x3000n].map((address) => ({ address, length: 1 })),
  );
  await expect(reading).rejects.toThrow(/behind this debugger's back/);
  expect(reads).toBe(3);
  await expect(gdb.readPhysical(0x1000n, 1)).rejects.toBeInstanceOf(GdbClosedError);
});

test('EOF, also in the middle of a packet, rejects all that is pending', async () => {
  for (const end of ['', '+', '+$0102', '+$01020304#0']) {
    await using stub = await FakeStub.start((request) => (request === READ ? { end } : undefined));
    const gdb = await connectGdb({ port: stub.port });
    const outcomes = await Promise.allSettled([gdb.readPhysical(0x1000n, 4), gdb.readPhysical(0x2000n, 4)]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { name: GdbClosedError.name, byPeer: true },
      });
    }
    await expect(gdb.vcpus()).rejects.toBeInstanceOf(GdbClosedError);
    await gdb.close();
  }
});

test('silence ends at the deadline, and the connection with it', async () => {
  await using stub = await FakeStub.start((request) => (request === READ ? '' : undefined));
  const gdb = await connectGdb({ port: stub.port, timeoutMs: 600 });
  await expect(gdb.readPhysical(0x1000n, 4)).rejects.toBeInstanceOf(GdbTimeoutError);
  expect(gdb.closed).toBe(true);
});

test('ports that are no stub: closed, swallowing, speaking something else', async () => {
  const stub = await FakeStub.start(() => '');
  await expect(connectGdb({ port: stub.port, timeoutMs: 600 })).rejects.toThrow(/another debugger/);
  await stub[Symbol.asyncDispose]();
  await expect(connectGdb({ port: stub.port })).rejects.toMatchObject({
    name: GdbConnectError.name,
    code: 'ECONNREFUSED',
  });
  await using other = await FakeStub.start(() => 'HTTP/1.1 400 Bad Request\r\n');
  await expect(connectGdb({ port: other.port })).rejects.toThrow(/Is this the debug port/);
});

test('while the VM runs nothing but the interrupt is sent', async () => {
  await using stub = await FakeStub.start((request) =>
    request === 'c' ? '+' : request === '\x03' ? encodePacket('T02thread:01;') : undefined,
  );
  const gdb = await connectGdb({ port: stub.port });
  await gdb.cont();
  expect(gdb.running).toBe(true);
  const sent = stub.requests.length;
  for (const call of [
    () => gdb.vcpus(),
    () => gdb.registers(),
    () => gdb.readPhysical(0n, 8),
    () => gdb.readVirtual(0n, 8),
    () => gdb.setBreakpoint(0n),
    () => gdb.cont(),
  ]) {
    await expect(call()).rejects.toBeInstanceOf(GdbStateError);
  }
  await expect(gdb.waitForStop(30)).rejects.toBeInstanceOf(GdbTimeoutError);
  expect(stub.requests).toHaveLength(sent);
  expect(await gdb.interrupt()).toEqual({ signal: 2, cpu: 0 });
  expect(stub.interrupts).toBe(1);
  expect(await gdb.interrupt()).toEqual({ signal: 2, cpu: 0 });
  expect(stub.interrupts).toBe(1);
  await gdb.close();
});

test('a stop that comes together with the acknowledgement of the resume is seen', async () => {
  await using stub = await FakeStub.start((request) =>
    request === 'c' ? `+${encodePacket('T05thread:02;')}` : undefined,
  );
  const gdb = await connectGdb({ port: stub.port });
  await gdb.cont();
  expect(await gdb.waitForStop(1_000)).toEqual({ signal: 5, cpu: 1 });
  await gdb.close();
});

test('who waits for a stop hears of the end of the connection', async () => {
  await using stub = await FakeStub.start((request) => (request === 'c' ? '+' : undefined));
  const gdb = await connectGdb({ port: stub.port });
  await gdb.cont();
  const waiting = expect(gdb.waitForStop(10_000)).rejects.toBeInstanceOf(GdbClosedError);
  await stub[Symbol.asyncDispose]();
  await waiting;
});

test('no-ack mode is used when the stub offers it', async () => {
  let quiet = false;
  await using stub = await FakeStub.start((request) => {
    const plus = quiet ? '' : '+';
    if (request.startsWith('qSupported')) return ack('PacketSize=1000;QStartNoAckMode+');
    if (request === 'QStartNoAckMode') {
      quiet = true;
      return `+${encodePacket('OK')}`;
    }
    if (request === '?') return plus + encodePacket('T05thread:01;');
    return plus + encodePacket(request === READ ? '01020304' : 'OK');
  });
  const gdb = await connectGdb({ port: stub.port });
  const before = stub.acks.length;
  expect(await gdb.readPhysical(0x1000n, 4)).toHaveLength(4);
  expect(stub.acks).toHaveLength(before);
  await gdb.close();
});

test('a list of vCPUs that never ends is an error', async () => {
  await using stub = await FakeStub.start((request) =>
    request.startsWith('q') && request.includes('Thread') ? ack('m01') : undefined,
  );
  const gdb = await connectGdb({ port: stub.port });
  await expect(gdb.vcpus()).rejects.toBeInstanceOf(GdbProtocolError);
  await gdb.close();
});
