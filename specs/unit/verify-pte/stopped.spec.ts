import { expect, test } from '@playwright/test';

import { connectMonitor, type Monitor } from '../../../lib/monitor/index.js';
import { whileStopped } from '../../../scripts/verify-pte/stopped.js';
import { FakeMonitor } from '../monitor/fake-monitor.js';

function machine(state: string): Promise<FakeMonitor> {
  return FakeMonitor.start({
    answer: (command) => (command === 'info status' ? `VM status: ${state}\n` : ''),
  });
}

async function connected(fake: FakeMonitor): Promise<Monitor> {
  return await connectMonitor({ port: fake.port });
}

test('a running VM stands still meanwhile, and runs on', async () => {
  await using fake = await machine('running');
  await using monitor = await connected(fake);
  const during = await whileStopped(monitor, () => Promise.resolve([...fake.commands]));
  expect(during).toEqual(['info status', 'stop']);
  expect(fake.commands).toEqual(['info status', 'stop', 'cont']);
});

test('it runs on also when the work fails', async () => {
  await using fake = await machine('running');
  await using monitor = await connected(fake);
  await expect(whileStopped(monitor, () => Promise.reject(new Error('no walk')))).rejects.toThrow('no walk');
  expect(fake.commands.at(-1)).toBe('cont');
});

test('it runs on also when this process is told to end', async () => {
  await using fake = await machine('running');
  await using monitor = await connected(fake);
  const work = whileStopped(monitor, () => {
    process.emit('SIGTERM', 'SIGTERM');
    return new Promise<never>(() => undefined);
  });
  await expect(work).rejects.toThrow(/Ended by SIGTERM; the VM runs on/);
  expect(fake.commands.at(-1)).toBe('cont');
});

test('a signal that comes while the VM is being stopped is not lost', async () => {
  await using fake = await FakeMonitor.start({
    answer: (command) => {
      if (command === 'stop') process.emit('SIGINT', 'SIGINT');
      return command === 'info status' ? 'VM status: running\n' : '';
    },
  });
  await using monitor = await connected(fake);
  await expect(whileStopped(monitor, () => new Promise<never>(() => undefined))).rejects.toThrow(
    /Ended by SIGINT/,
  );
  expect(fake.commands.at(-1)).toBe('cont');
});

for (const state of ['paused', 'paused (guest-panicked)', 'paused (prelaunch)']) {
  test(`a VM that is ${state} is left alone`, async () => {
    await using fake = await machine(state);
    await using monitor = await connected(fake);
    expect(await whileStopped(monitor, () => Promise.resolve(1))).toBe(1);
    expect(fake.commands).toEqual(['info status']);
  });
}
