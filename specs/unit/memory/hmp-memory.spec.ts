import { expect, test } from '@playwright/test';
import { openPhysicalMemory } from '../../../lib/memory/index.js';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { NotRamError } from '../../../lib/paging/index.js';
import { FakeMonitor } from '../monitor/fake-monitor.js';

/** A machine with RAM from 0x1004 to 0x2fff, of which the monitor reads all below 0x2000; every byte is its address's lowest. */
function answer(command: string): string {
  if (command === 'info mtree -f') {
    return 'FlatView #0\n AS "memory", root: system\n  0000000000001004-0000000000002fff (prio 0, ram): odd\n';
  }
  const [, digits = '0', unit, address = ''] = /^xp \/(\d+)x([bg]) 0x([0-9a-f]+)$/.exec(command) ?? [];
  const size = unit === 'g' ? 8 : 1;
  const lines: string[] = [];
  let at = BigInt(`0x${address}`);
  const end = at + BigInt(Number(digits) * size);
  while (at < end) {
    const head = `${at.toString(16).padStart(16, '0')}:`;
    if (at >= 0x2000n) return [...lines, `${head} Cannot access memory\n`].join('\n');
    const units: string[] = [];
    for (let count = 0; count < 16 / size && at < end; count += 1, at += BigInt(size)) {
      const bytes = Array.from({ length: size }, (_, index) => Number((at + BigInt(index)) & 0xffn));
      units.push(`0x${Buffer.from(bytes.reverse()).toString('hex')}`);
    }
    lines.push([head, ...units].join(' '));
  }
  return `${lines.join('\n')}\n`;
}

test('a range with crooked borders is read to its last byte, without a step beyond', async () => {
  await using fake = await FakeMonitor.start({ answer });
  await using monitor = await connectMonitor({ port: fake.port });
  await using opened = await openPhysicalMemory({ monitor, kinds: ['monitor'] });
  for (const [address, length] of [
    [0x1004n, 1],
    [0x1004n, 9],
    [0x1008n, 8],
    [0x1fffn, 1],
    [0x1005n, 0xffb],
  ] as const) {
    const got = await opened.memory.read(address, length);
    expect([...got]).toEqual(Array.from({ length }, (_, index) => Number((address + BigInt(index)) & 0xffn)));
  }
  expect(fake.commands.filter((command) => command.endsWith(' 0x1000'))).toEqual([]);
});

test('reads that are asked for together are typed together, and memory that has gone is no fault of the others', async () => {
  await using fake = await FakeMonitor.start({ answer });
  await using monitor = await connectMonitor({ port: fake.port });
  await using opened = await openPhysicalMemory({ monitor, kinds: ['monitor'] });
  const outcomes = await Promise.allSettled(
    [0x1100n, 0x2ff0n, 0x1200n].map((address) => opened.memory.read(address, 8)),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { name: NotRamError.name, notRamAt: 0x2ff0n } });
});

test('a range that QEMU holds in two pieces is not taken for one', async () => {
  const hostAddress = (command: string) => (command.endsWith('0x1004') ? '7f0000001004' : '7f0000012fff');
  await using fake = await FakeMonitor.start({
    answer: (command) =>
      command.startsWith('gpa2hva')
        ? `Host virtual address for 0x1 (odd) is 0x${hostAddress(command)}\n`
        : answer(command),
  });
  await using monitor = await connectMonitor({ port: fake.port });
  await using opened = await openPhysicalMemory({ monitor });
  expect(opened.kind).toBe('monitor');
  expect(opened.summary).toMatch(/Not by process: QEMU does not hold the range at 0x1004 .* in one piece/);
});
