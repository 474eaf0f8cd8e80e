import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import type { JSONReport } from '@playwright/test/reporter';

import { expect, test as base } from '../../fixtures/index.js';
import { connectMonitor } from '../../lib/monitor/index.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const playwright = path.join(root, 'node_modules/@playwright/test/cli.js');

/** A run of the sample, which fails, with a pipe for its input as a shell would give it. */
interface PausedRun {
  /** What it wrote so far. */
  output: () => string;
  type: (text: string) => Promise<void>;
  closeInput: () => Promise<void>;
  end: () => Promise<{ exitCode: number; report: JSONReport }>;
}

const test = base.extend<{ start: (input: 'pipe' | 'none') => Promise<PausedRun> }>({
  start: async ({}, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'opentdx-pause-'));
    let clean = (): Promise<unknown> => Promise.resolve();
    await use(async (input) => {
      const fifo = path.join(folder, 'input');
      await run('mkfifo', [fifo]);
      const args = [
        playwright,
        'test',
        '-c',
        'specs/framework/samples',
        '--reporter=list,json',
        'pause.sample.ts',
      ];
      const report = path.join(folder, 'report.json');
      const env: NodeJS.ProcessEnv = { ...process.env, PWDEBUG: '1', PLAYWRIGHT_JSON_OUTPUT_FILE: report };
      // This is no worker's; and on a CI server nothing waits.
      for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX', 'CI'])
        Reflect.deleteProperty(env, name);
      const child =
        input === 'none'
          ? spawn(process.execPath, [...args, `--output=${folder}/out`], {
              cwd: root,
              env,
              stdio: ['ignore', 'pipe', 'pipe'],
            })
          : spawn(
              'sh',
              ['-c', 'cat "$0" | "$@"', fifo, process.execPath, ...args, `--output=${folder}/out`],
              {
                cwd: root,
                env,
                stdio: ['ignore', 'pipe', 'pipe'],
              },
            );
      const exited = once(child, 'exit') as Promise<[number]>;
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const writer = input === 'none' ? undefined : await open(fifo, 'w');
      let closed = writer === undefined;
      const closeInput = async (): Promise<void> => {
        if (!closed) await writer?.close();
        closed = true;
      };
      // At the end of its input it ends, whatever it waits for.
      clean = async () => {
        await closeInput();
        await exited;
      };
      return {
        output: () => said,
        type: async (text) => {
          await writer?.write(text);
        },
        closeInput,
        end: async () => {
          const [exitCode] = await exited;
          await closeInput();
          return { exitCode, report: JSON.parse(await readFile(report, 'utf8')) as JSONReport };
        },
      };
    });
    await clean();
    await rm(folder, { recursive: true, force: true });
  },
});

test.describe.configure({ timeout: 240_000 });

const patient = { timeout: 180_000 };

test('with PWDEBUG a failure waits, with its VM alive, until Enter is pressed', async ({ start }) => {
  const paused = await start('pipe');
  await expect.poll(paused.output, patient).toContain('Enter, or Ctrl-C, ends it');
  const lineOf = (name: string): string =>
    new RegExp(`^${name}: +(.*)$`, 'm').exec(paused.output())?.[1] ?? '';
  const { stdout } = await run('sh', ['-c', `${lineOf('ssh')} echo inside`]);
  expect(stdout).toBe('inside\n');
  await using monitor = await connectMonitor({ port: Number(/ (\d+)$/.exec(lineOf('monitor'))?.[1]) });
  expect(await monitor.infoStatus()).toMatchObject({ running: true });
  // A symbol where the kernel has it, in a file that gdb reads.
  const symbols = /^gdb (\S+) /.exec(lineOf('gdb'))?.[1] ?? '';
  const names = await run('readelf', ['-sW', symbols], { maxBuffer: 1 << 28 });
  const kernel = await run('sh', ['-c', `${lineOf('ssh')} "grep ' schedule$' /proc/kallsyms"`]);
  expect(names.stdout).toMatch(new RegExp(`${kernel.stdout.split(' ')[0] ?? 'none'} .* schedule$`, 'm'));
  await monitor.close();
  await paused.type('\n');
  // Its input is still open: it was Enter that ended the wait.
  await expect.poll(paused.output, patient).toContain('1 failed');
  await paused.closeInput();
  const { exitCode, report } = await paused.end();
  expect(exitCode).toBe(1);
  const result = report.suites[0]?.specs[0]?.tests[0]?.results[0];
  expect(result?.status).toBe('failed');
  expect(result?.errors, 'nothing but its own failure').toHaveLength(1);
  expect(result?.attachments.map(({ name }) => name)).toContain('what-happened.txt');
});

test('it goes on when its input ends', async ({ start }) => {
  const paused = await start('pipe');
  await expect.poll(paused.output, patient).toContain('Enter, or Ctrl-C, ends it');
  await paused.closeInput();
  expect((await paused.end()).exitCode).toBe(1);
});

test('it does not wait where nobody can press Enter', async ({ start }) => {
  const run = await start('none');
  expect((await run.end()).exitCode).toBe(1);
  expect(run.output()).not.toContain('Enter');
});
