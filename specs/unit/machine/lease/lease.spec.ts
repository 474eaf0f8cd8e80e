import { expect, test } from '@playwright/test';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { acquireLease, acquireLock, LockTimeoutError, withLock } from '../../../../lib/host/lease/index.js';
import { leaseAddress } from '../../../../lib/host/lease/name.js';
import { endScripts, runScript } from '../support/run-script.js';

const someName = () => `spec/${randomUUID()}`;

test.afterEach(endScripts);

test.describe('a lease', () => {
  test('is held once, and free again after its release', async () => {
    const name = someName();
    const first = await acquireLease(name);
    expect(first).toBeDefined();
    expect(await acquireLease(name)).toBeUndefined();
    await first?.release();
    await first?.release();
    const second = await acquireLease(name);
    expect(second).toBeDefined();
    await second?.release();
  });

  test('of the machine and one of the user are two', async () => {
    const name = someName();
    await using user = await acquireLease(name, { scope: 'user' });
    expect(user).toBeDefined();
    await using machine = await acquireLease(name, { scope: 'machine' });
    expect(machine).toBeDefined();
  });

  test('with a name too long for a socket keeps names apart', async () => {
    const long = someName() + 'ä'.repeat(200);
    await using one = await acquireLease(`${long}1`);
    expect(one).toBeDefined();
    await using other = await acquireLease(`${long}2`);
    expect(other).toBeDefined();
    expect(await acquireLease(`${long}1`)).toBeUndefined();
  });

  test('of a process killed with SIGKILL is free', async () => {
    const name = someName();
    const holder = runScript(new URL('hold-lease.ts', import.meta.url), [name]);
    const exited = once(holder, 'exit');
    const [line] = (await once(holder.stdout, 'data')) as [Buffer];
    expect(String(line)).toBe('held\n');
    expect(await acquireLease(name)).toBeUndefined();

    const heard: string[] = [];
    const waiting = acquireLock(name, 'the waiter', { budgetMs: 10_000, onWait: (text) => heard.push(text) });
    await expect.poll(() => heard).toEqual(['the other process']);
    holder.kill('SIGKILL');
    await exited;
    await using lease = await waiting;
    expect(lease.name).toBe(name);
  });

  test('outlives askers that go away in the middle', async () => {
    const name = someName();
    await using lease = await acquireLease(name, { holder: 'x'.repeat(100_000) });
    expect(lease).toBeDefined();
    const waits = Array.from({ length: 50 }, () => acquireLock(name, 'waiter', { budgetMs: 30 }));
    const outcomes = await Promise.allSettled(waits);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await acquireLease(name)).toBeUndefined();
  });
});

test.describe('a lock', () => {
  test('is held by one at a time, and every waiter gets it', async () => {
    const name = someName();
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        withLock(name, `waiter ${index}`, async () => {
          most = Math.max(most, ++inside);
          await new Promise(setImmediate);
          order.push(index);
          inside--;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('is given back when its user fails', async () => {
    const name = someName();
    await expect(withLock(name, 'a', () => Promise.reject(new Error('on purpose')))).rejects.toThrow(
      'on purpose',
    );
    await using lease = await acquireLease(name);
    expect(lease).toBeDefined();
  });

  test('that stays taken ends the wait with who holds it', async () => {
    const name = someName();
    await using held = await acquireLease(name, { holder: 'process 4711: building the reference image' });
    expect(held).toBeDefined();
    const failure = await acquireLock(name, 'me', { budgetMs: 50 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(LockTimeoutError);
    expect((failure as LockTimeoutError).holder).toBe('process 4711: building the reference image');
    expect((failure as LockTimeoutError).message).toContain('0.05 s');
    expect((failure as LockTimeoutError).message).toContain(
      'held by: process 4711: building the reference image.',
    );
  });
});

test('every name fills sun_path, so that all versions of Node mean the same by it', () => {
  for (const name of ['a', 'ü'.repeat(40), 'x'.repeat(200)]) {
    const address = leaseAddress(name, 'user');
    expect(Buffer.byteLength(address)).toBe(108);
    expect(address.startsWith('\0opentdx-e2e/')).toBe(true);
  }
});
