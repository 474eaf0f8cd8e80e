import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { expect, test } from '@playwright/test';

import { BudgetClock } from '../../../lib/host/budget/clock.js';
import { heedRunDelayOf, runDelays } from '../../../lib/host/budget/run-delay.js';

/** A clock over a wall and waits that the test moves. */
function moved(patience = 1) {
  const world = { wall: 0, delays: new Map([['7', 0]]) };
  const clock = new BudgetClock({ delays: () => new Map(world.delays), wall: () => world.wall, patience });
  const pass = (ms: number, waits: Readonly<Record<string, number>> = {}): number => {
    const before = clock.now();
    world.wall += ms;
    for (const [thread, delay] of Object.entries(waits))
      world.delays.set(thread, (world.delays.get(thread) ?? 0) + delay);
    return clock.now() - before;
  };
  return { clock, world, pass };
}

test('goes as the wall while nobody waits for a CPU', () => {
  expect(moved().pass(1_000)).toBe(1_000);
});

test('stands while a thread waits: of several the one that waits longest counts', () => {
  expect(moved().pass(1_000, { 7: 600, 8: 200 })).toBe(400);
});

test('what a thread waited before is not counted again, nor what one waited that has ended', () => {
  const { pass, world } = moved();
  pass(1_000, { 7: 600 });
  expect(pass(1_000)).toBe(1_000);
  world.delays.delete('7');
  expect(pass(1_000)).toBe(1_000);
});

test('goes on a little on a host that gives nothing at all, so that waiting has an end', () => {
  expect(moved().pass(1_000, { 7: 1_000 })).toBeCloseTo(50);
});

test('never goes back: what was told before a sample may have been too much', () => {
  const { clock, pass } = moved();
  pass(200);
  const told = clock.now();
  expect(pass(60, { 7: 240 })).toBe(0);
  expect(clock.now()).toBe(told);
  pass(1_000);
  expect(clock.now()).toBe(1_020);
});

test('patience slows it down', () => {
  expect(moved(4).pass(1_000)).toBe(250);
  expect(moved(4).pass(1_000, { 7: 600 })).toBe(100);
});

test('a budget that is spent on a busy host is not over, and is told with its time by the wall', async () => {
  let waited = 0;
  const clock = new BudgetClock({
    // Three quarters of the time so far.
    delays: () => new Map([['7', (waited = performance.now() * 0.75)]]),
  });
  const begin = performance.now();
  const note = await new Promise<string>((resolve) => clock.after(400, resolve));
  const passed = performance.now() - begin;
  expect(waited).toBeGreaterThan(0);
  expect(passed).toBeGreaterThan(1_500);
  expect(note).toMatch(
    /^ \(\d\.\d s passed: the host is busy, and gave 0\.[12]\d CPU to what was waited for\)$/,
  );
});

test('on an idle host it is told without a note, and not at all when it is taken back', async () => {
  const clock = new BudgetClock({ delays: () => new Map() });
  let told = false;
  const cancel = clock.after(20, () => (told = true));
  cancel();
  expect(await new Promise<string>((resolve) => clock.after(60, resolve))).toBe('');
  expect(told).toBe(false);
});

test('a signal aborts as an AbortSignal.timeout does', async () => {
  const signal = new BudgetClock({ delays: () => new Map() }).signal(20);
  const keepAlive = setTimeout(() => undefined, 5_000);
  await once(signal, 'abort');
  clearTimeout(keepAlive);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
});

test("a process's waits are the kernel's own figures: two that share one CPU wait half of the time", async () => {
  // Together on one CPU, whatever else is going on here.
  const [, cpu = ''] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const spin = `taskset -c ${cpu} sh -c 'while :; do :; done'`;
  const pair = [spin, spin].map((command) => spawn('sh', ['-c', `exec ${command}`], { stdio: 'ignore' }));
  const pids = pair.map(({ pid = 0 }) => pid);
  const ends = pids.map(heedRunDelayOf);
  try {
    const delay = (): number => {
      const delays = runDelays();
      return pids.reduce((sum, pid) => sum + (delays.get(String(pid)) ?? 0), 0);
    };
    await expect.poll(delay).toBeGreaterThan(0);
    const [began, before] = [performance.now(), delay()];
    await new Promise((resolve) => setTimeout(resolve, 500));
    const share = (delay() - before) / (performance.now() - began);
    // One of them runs at every moment, at most.
    expect(share).toBeGreaterThan(0.9);
  } finally {
    for (const end of ends) end();
    for (const child of pair) child.kill('SIGKILL');
  }
});
