import { PassThrough } from 'node:stream';

import { expect, test } from '@playwright/test';

import { KernelWatch } from '../../../lib/guest/reports/index.js';
import { Console } from '../../../lib/machine/console/index.js';

type Watched = ConstructorParameters<typeof KernelWatch>;
type Log = Watched[1];

const began: Log['began'] = { taint: 0n };
const quiet: Log = { began, arrived: [], window: () => Promise.resolve({ entries: [], taint: 0n }) };

/** A watch of a machine that is but a console, and of a log that is quiet unless told otherwise. */
function watchOf(logFile: string, log: Log = quiet) {
  const serial = new PassThrough();
  const console = new Console({ logFile });
  void console.attach(serial);
  const guard = <T>(work: Promise<T>): Promise<T> => work;
  const died = new AbortController().signal;
  const machine = { console, died, guard, has: () => true, monitor: { closed: false } };
  const watch = new KernelWatch(machine as unknown as Watched[0], log, 0);
  const print = async (...lines: string[]): Promise<void> => {
    const last = lines.at(-1) ?? '';
    const seen = new Promise<void>((resolve) => {
      const stop = console.onLine(({ text, complete }) => {
        if (!complete || text !== last) return;
        stop();
        resolve();
      });
    });
    serial.write(lines.map((line) => `${line}\n`).join(''));
    await seen;
  };
  return { watch, print };
}

const end = '---[ end Kernel panic - not syncing: out of ideas ]---';

for (const [what, first] of Object.entries({
  'with a time stamp': '[   61.000000] Kernel panic - not syncing: out of ideas',
  'without one': 'Kernel panic - not syncing: out of ideas',
  "behind a program's output": '/ # login: Kernel panic - not syncing: out of ideas',
})) {
  test(`a panic is reported ${what}`, async ({}, testInfo) => {
    const { watch, print } = watchOf(testInfo.outputPath('console.txt'));
    await print('[   60.000000] eth0: up', first, end);
    expect(watch.panicked).toBe(true);
    const { reports, source } = await watch.reports();
    expect(source).toBe('console');
    expect(reports).toMatchObject([
      { kind: 'panic', grade: 'fatal', title: expect.stringContaining('Kernel panic: out of ideas') },
    ]);
  });
}

test('a panic is reported when what the kernel printed after it fills the console', async ({}, testInfo) => {
  const { watch, print } = watchOf(testInfo.outputPath('console.txt'));
  const dump = Array.from({ length: 6_000 }, (_, line) => `[   61.100000] ftrace: entry ${line} of the dump`);
  await print('[   61.000000] Kernel panic - not syncing: out of ideas', ...dump, end);
  expect((await watch.reports()).reports.map(({ kind }) => kind)).toEqual(['panic']);
});

test('a panic that comes while the quiet log is handed over is reported', async ({}, testInfo) => {
  const printed: Promise<void>[] = [];
  const { watch, print } = watchOf(testInfo.outputPath('console.txt'), {
    ...quiet,
    window: () => {
      printed.push(print('Kernel panic - not syncing: out of ideas', end));
      return Promise.resolve({ entries: [], taint: 0n });
    },
  });
  const { reports } = await watch.reports();
  await Promise.all(printed);
  expect(reports.map(({ kind }) => kind)).toEqual(['panic']);
});

test('a quiet guest has nothing to report', async ({}, testInfo) => {
  const { watch, print } = watchOf(testInfo.outputPath('console.txt'));
  await print('[   60.000000] eth0: up');
  expect(watch.panicked).toBe(false);
  expect((await watch.reports()).reports).toEqual([]);
});

test('an ssh server that died of SIGSEGV is reported, though it told the console alone', async ({}, testInfo) => {
  const { watch, print } = watchOf(testInfo.outputPath('console.txt'));
  await print('Aiee, segfault! You should probably report this as a bug to the developer');
  const { reports, source } = await watch.reports();
  expect(source).toBe('kernel log');
  expect(reports).toMatchObject([
    { kind: 'segfault', grade: 'error', title: 'the ssh server died of SIGSEGV' },
  ]);
});

const oops = 'BUG: kernel NULL pointer dereference, address: 0000000000000008';
const gone = (): Promise<never> => Promise.reject(new Error('the guest does not answer'));

test('a guest that answers no more is judged by what of its log has arrived', async ({}, testInfo) => {
  const { watch } = watchOf(testInfo.outputPath('console.txt'), {
    began,
    arrived: [{ text: oops, facility: 0 }],
    window: gone,
  });
  const { reports, problem } = await watch.reports();
  expect(reports).toMatchObject([{ kind: 'page-fault' }]);
  expect(problem).toBeUndefined();
});

test('and where that is nothing, nobody knows', async ({}, testInfo) => {
  const { watch } = watchOf(testInfo.outputPath('console.txt'), { ...quiet, window: gone });
  const { reports, problem } = await watch.reports();
  expect(reports).toEqual([]);
  expect(problem?.message).toMatch(/is not known.*the guest does not answer/);
});

test('a taint that came since is told, and records that were lost are counted', async ({}, testInfo) => {
  const { watch } = watchOf(testInfo.outputPath('console.txt'), {
    ...quiet,
    window: () =>
      Promise.resolve({
        entries: [{ text: '[5 kernel record(s) were lost here]', lost: { count: 5, where: 'overrun' } }],
        taint: 512n,
      }),
  });
  const { reports, lost } = await watch.reports();
  expect(reports).toMatchObject([{ kind: 'taint', taints: ['W'] }]);
  expect(lost).toEqual({ count: 5, exact: true });
});
