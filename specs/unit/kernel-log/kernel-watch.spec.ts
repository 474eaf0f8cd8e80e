import { PassThrough } from 'node:stream';

import { expect, test } from '@playwright/test';

import { KernelWatch } from '../../../lib/guest/reports/index.js';
import { Console } from '../../../lib/machine/console/index.js';

type Watched = Parameters<typeof KernelWatch.begin>;

/** A watch of a machine that is but a console, and of a guest whose log is quiet, as long as it answers. */
async function watchOf(logFile: string, onLogRead: () => void = () => undefined) {
  const serial = new PassThrough();
  const console = new Console({ logFile });
  void console.attach(serial);
  const guard = <T>(work: Promise<T>): Promise<T> => work;
  const died = new AbortController().signal;
  const machine = { console, died, guard, has: () => true, monitor: { closed: false } };
  const answers = ['0\n', '0\nkmsg\n'];
  const guest = {
    succeed: () => {
      if (answers.length === 1) onLogRead();
      return Promise.resolve(answers.shift());
    },
  };
  const watch = await KernelWatch.begin(...([machine, guest] as unknown as Watched));
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
    const { watch, print } = await watchOf(testInfo.outputPath('console.txt'));
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
  const { watch, print } = await watchOf(testInfo.outputPath('console.txt'));
  const dump = Array.from({ length: 6_000 }, (_, line) => `[   61.100000] ftrace: entry ${line} of the dump`);
  await print('[   61.000000] Kernel panic - not syncing: out of ideas', ...dump, end);
  expect((await watch.reports()).reports.map(({ kind }) => kind)).toEqual(['panic']);
});

test('a panic that comes while the quiet log is handed over is reported', async ({}, testInfo) => {
  const printed: Promise<void>[] = [];
  const { watch, print } = await watchOf(testInfo.outputPath('console.txt'), () => {
    printed.push(print('Kernel panic - not syncing: out of ideas', end));
  });
  const { reports } = await watch.reports();
  await Promise.all(printed);
  expect(reports.map(({ kind }) => kind)).toEqual(['panic']);
});

test('a quiet guest has nothing to report', async ({}, testInfo) => {
  const { watch, print } = await watchOf(testInfo.outputPath('console.txt'));
  await print('[   60.000000] eth0: up');
  expect(watch.panicked).toBe(false);
  expect((await watch.reports()).reports).toEqual([]);
});

test('an ssh server that died of SIGSEGV is reported, though it told the console alone', async ({}, testInfo) => {
  const { watch, print } = await watchOf(testInfo.outputPath('console.txt'));
  await print('Aiee, segfault! You should probably report this as a bug to the developer');
  const { reports, source } = await watch.reports();
  expect(source).toBe('kernel log');
  expect(reports).toMatchObject([
    { kind: 'segfault', grade: 'error', title: 'the ssh server died of SIGSEGV' },
  ]);
});
