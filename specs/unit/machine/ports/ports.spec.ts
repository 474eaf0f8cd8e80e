import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import getPort from 'get-port';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { acquireLease } from '../../../../lib/host/lease/index.js';
import { allocatePorts, NoFreePortsError, type PortPattern } from '../../../../lib/machine/ports/index.js';
import { distinctPorts, portPattern } from '../../../../lib/machine/ports/pattern.js';
import { ephemeralRange, rangeBeside } from '../../../../lib/machine/ports/range.js';
import { endScripts, runScript } from '../support/run-script.js';

const numbers = ({ ssh, sshL2, debug, debugL2, monitor }: PortPattern) => [
  ssh,
  sshL2,
  debug,
  debugL2,
  monitor,
];

async function canListen(port: number, host: string): Promise<boolean> {
  const server = createServer();
  const outcome = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host }, () => {
      resolve(true);
    });
  });
  if (outcome) await new Promise((resolve) => server.close(resolve));
  return outcome;
}

test.afterEach(endScripts);

test('the pattern is the launch script’s', () => {
  expect(portPattern(10032, 1234)).toEqual({
    ssh: 10032,
    sshL2: 10033,
    debug: 1234,
    debugL2: 1235,
    monitor: 1334,
  });
});

test('a pattern whose ports meet is none', () => {
  expect(distinctPorts(portPattern(20_000, 19_900))).toBeUndefined(); // monitor on ssh
  expect(distinctPorts(portPattern(20_000, 19_901))).toBeUndefined(); // monitor on sshL2
  expect(distinctPorts(portPattern(20_000, 19_999))).toBeUndefined(); // debugL2 on ssh
  expect(distinctPorts(portPattern(20_000, 20_001))).toBeUndefined(); // debug on sshL2
  expect(distinctPorts(portPattern(20_000, 20_002))).toHaveLength(5);
});

test('ports are looked for outside the range of outgoing connections, where one is left', () => {
  const port = fc.integer({ min: 1024, max: 65_535 });
  fc.assert(
    fc.property(port, port, (a, b) => {
      const ephemeral = { first: Math.min(a, b), last: Math.max(a, b) };
      const { first, last } = rangeBeside(ephemeral);
      expect(first).toBeGreaterThanOrEqual(10_200);
      expect(last).toBeLessThanOrEqual(65_535);
      expect(last - first).toBeGreaterThan(3_000);
      const apart = last < ephemeral.first || first > ephemeral.last;
      const everything = first === 10_200 && last === 65_535;
      expect(apart || everything).toBe(true);
    }),
  );
});

test('all five ports are free on every address, in the right range, and are leased until released', async () => {
  const lease = await allocatePorts();
  const ephemeral = await ephemeralRange();
  for (const port of numbers(lease)) {
    expect(await canListen(port, '127.0.0.1')).toBe(true);
    expect(await canListen(port, '0.0.0.0')).toBe(true);
    expect(port < ephemeral.first || port > ephemeral.last || ephemeral.last - ephemeral.first > 50_000).toBe(
      true,
    );
    expect(await acquireLease(`tcp-port/${port}`, { scope: 'machine' })).toBeUndefined();
  }
  await lease.release();
  for (const port of numbers(lease)) {
    await using again = await acquireLease(`tcp-port/${port}`, { scope: 'machine' });
    expect(again).toBeDefined();
  }
});

/** So narrow that the debug base is the first port and the monitor the last one. */
async function narrowRange() {
  for (;;) {
    // Where outgoing connections are: other runs, which allocate at the same time, lease none of these.
    const first = randomInt(40_000, 60_000);
    const range = { first, last: first + 100 };
    const free = await Promise.all([first, first + 1, first + 100].map((port) => canListen(port, '0.0.0.0')));
    if (free.every(Boolean)) return range;
  }
}

for (const offset of [0, 1, 100]) {
  for (const host of ['127.0.0.1', '127.0.0.2', '0.0.0.0']) {
    test(`a pattern is not free while base + ${offset} is listened to on ${host}`, async () => {
      const range = await narrowRange();
      const listener = createServer();
      await new Promise<void>((resolve) => {
        listener.listen({ port: range.first + offset, host }, resolve);
      });
      await expect(allocatePorts({ range })).rejects.toThrow(NoFreePortsError);
      await new Promise((resolve) => listener.close(resolve));
    });
  }
}

test('within a narrow range the pattern is found, also where get-port has just answered its ports', async () => {
  // Anew where somebody's outgoing connection came to be within the range meanwhile.
  await expect(async () => {
    const range = await narrowRange();
    expect(await getPort({ port: range.first })).toBe(range.first);
    await using ports = await allocatePorts({ range });
    expect(ports.debug).toBe(range.first);
    await expect(allocatePorts({ range })).rejects.toThrow(
      `between ${range.first} and ${range.last} was free. See what listens with`,
    );
  }).toPass({ timeout: 20_000 });
});

test('eight runs that allocate at once never get the same port', async () => {
  const runs = Array.from({ length: 8 }, () =>
    runScript(new URL('allocate-many.ts', import.meta.url), ['50']),
  );
  const lines = runs.map((run) => createInterface(run.stdout)[Symbol.asyncIterator]());
  for (const line of lines) expect((await line.next()).value).toBe('ready');
  for (const run of runs) run.stdin.write('go\n');
  const answers = await Promise.all(lines.map(async (line) => String((await line.next()).value)));
  const ports = answers.flatMap((answer) => (JSON.parse(answer) as PortPattern[]).flatMap(numbers));
  expect(ports).toHaveLength(8 * 50 * 5);
  expect(new Set(ports).size).toBe(ports.length);
});
