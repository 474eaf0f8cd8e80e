import { expect, test } from '@playwright/test';

import { answerOrHang, KernelHangsError } from '../../../lib/guest/vfio/hang.js';

/** What /proc says of a process with one thread, in the letter of its state, ticks in the kernel, and its innermost function. */
type Moment = readonly [state: string, ticks: number, place?: string];

/** A guest whose process 77 is in these states, one look after the other; the last one stays. */
function guestOf(...moments: Moment[]) {
  const shell = (): Promise<{ exitCode: number; stdout: string; stderr: string }> => {
    const [state, ticks, place] = (moments.length > 1 ? moments.shift() : moments[0]) ?? ['S', 0];
    const stat = `77 (a) name) ${state} 1 1 1 0 -1 0 0 0 0 0 3 ${ticks} 0 0 20 0 1 0`;
    const stack = place === undefined ? '' : `[<0>] ${place}+0x1/0x2\n[<0>] do_syscall_64+0x3/0x4\n`;
    return Promise.resolve({ exitCode: 0, stdout: `${stat}\n${stack}\n`, stderr: '' });
  };
  return { guest: { shell } };
}

const never = new Promise<string>(() => undefined);
const look = (guest: ReturnType<typeof guestOf>, answer: Promise<string>, op = 'map'): Promise<string> =>
  answerOrHang(guest, 77, op, 4096n, answer, 5);
const later = (ms: number): Promise<string> => new Promise((resolve) => setTimeout(resolve, ms, 'done'));

test('a thread that sleeps in the same place, twice, hangs: it is said where', async () => {
  const error = await look(guestOf(['D', 9, 'down_write']), never).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(KernelHangsError);
  expect(String(error)).toMatch(
    /^AssertionError.*: Process 77 does not come back .*asked to 'map' .*sleeps.*: down_write\+0x1\/0x2 < do_syscall_64/,
  );
});

test('a thread that takes ten seconds of CPU time in the kernel hangs', async () => {
  await expect(look(guestOf(['R', 5], ['R', 600], ['R', 1_100]), never)).rejects.toThrow(
    /it runs, all the time/,
  );
});

for (const [what, guest, op] of [
  ['sleeps here and there', guestOf(['D', 1, 'a'], ['D', 1, 'b'], ['D', 1, 'c'], ['S', 1]), 'map'],
  ['sleeps between bits of work', guestOf(['D', 1, 'a'], ['D', 2, 'a'], ['D', 3, 'a'], ['S', 3]), 'map'],
  ['waits for what can be interrupted', guestOf(['S', 1, 'a']), 'map'],
  ['has worked for long before', guestOf(['R', 5_000], ['R', 5_500]), 'map'],
  ['faults for as long as it is told to', guestOf(['R', 0], ['R', 9_000]), 'touch'],
] as const) {
  test(`a process that ${what} is waited for`, async () => {
    expect(await look(guest, later(60), op)).toBe('done');
  });
}

test('a guest that does not say is waited for, and an answer that fails is one', async () => {
  const shell = (): Promise<never> => Promise.reject(new Error('no answer'));
  const silent = { guest: { shell } } as ReturnType<typeof guestOf>;
  expect(await look(silent, later(30))).toBe('done');
  await expect(look(silent, Promise.reject(new Error('EFAULT')))).rejects.toThrow('EFAULT');
});
