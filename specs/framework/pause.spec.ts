import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import type { JSONReport } from '@playwright/test/reporter';

import { expect, test as base } from '../../fixtures/index.js';
import { cacheFolder, cacheSubfolder } from '../../lib/host/cache-folder.js';
import { connectMonitor } from '../../lib/monitor/index.js';
import { processesWithTag } from '../unit/machine/support/traces.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** What the run has for its input: a pipe, nothing, or a terminal of its own. */
type Input = 'pipe' | 'none' | 'terminal';

/** A run of the sample, which fails. */
interface PausedRun {
  /** What it wrote so far. */
  output: () => string;
  type: (text: string) => Promise<void>;
  closeInput: () => Promise<void>;
  /** To the process that runs the tests, and to no other. */
  kill: (signal: NodeJS.Signals) => void;
  end: () => Promise<{ exitCode: number; report: JSONReport }>;
  /** Its processes, and what it has in the temp folder. */
  left: () => Promise<string[]>;
}

const test = base.extend<{ start: (input: Input) => Promise<PausedRun> }>({
  start: async ({}, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'e2e-pause-'));
    const tag = randomUUID();
    const temp = path.join(folder, 'tmp');
    await mkdir(temp);
    // Compiling it all anew takes longer than the test.
    const compiled = await cacheSubfolder(cacheFolder(process.env), 'compiled');
    let clean = (): Promise<unknown> => Promise.resolve();
    await use(async (input) => {
      const fifo = path.join(folder, 'input');
      await run('mkfifo', [fifo]);
      const report = path.join(folder, 'report.json');
      const env: NodeJS.ProcessEnv = {
        ...process.env,
        ...{ PWDEBUG: '1', PLAYWRIGHT_JSON_OUTPUT_FILE: report, TAG: tag, TMPDIR: temp },
        PWTEST_CACHE_DIR: compiled,
      };
      // This is no worker's; and on a CI server nothing waits.
      for (const name of ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX', 'CI'])
        Reflect.deleteProperty(env, name);
      const child = spawn('sh', ['-c', commands[input], fifo, ...sampleRun, `--output=${folder}/out`], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
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
      const processes = (): { pid: number; command: string }[] => processesWithTag(tag);
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
        kill: (signal) => {
          const runner = processes().find(({ command }) => command.startsWith(sampleRun.join(' ')));
          if (!runner) throw new Error('no process runs the tests');
          process.kill(runner.pid, signal);
        },
        end: async () => {
          const [exitCode] = await exited;
          await closeInput();
          return { exitCode, report: JSON.parse(await readFile(report, 'utf8')) as JSONReport };
        },
        left: async () => {
          const named = processes().map(({ pid, command }) => `${pid} ${command}`);
          return [...named, ...(await readdir(temp)).filter((name) => name.startsWith('opentdx-e2e-'))];
        },
      };
    });
    await clean();
    await rm(folder, { recursive: true, force: true });
  },
});

const sampleRun = [
  process.execPath,
  path.join(root, 'node_modules/@playwright/test/cli.js'),
  ...['test', '-c', 'specs/framework/samples', '--reporter=list,json', 'pause.sample.ts'],
];

/** For sh, with the FIFO as $0 and the run as the others: script(1) gives its command a terminal, and types there what it reads. */
const commands: Readonly<Record<Input, string>> = {
  pipe: 'cat "$0" | "$@"',
  none: 'exec "$@"',
  terminal: `line=; for word; do line="$line '$word'"; done; exec script -qefc "exec $line" /dev/null < "$0"`,
};

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
  // A person stops it, and looks at page tables from another terminal.
  await monitor.stop();
  await monitor.close();
  const walk = lineOf('walk').replace('ADDRESS --pid PID', '0xffffffff81000000 --cpu 0');
  // Its exit code is about the entry's bit.
  const walked = await run('sh', ['-c', walk], { cwd: root }).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(walked.stdout).toContain('ffffffff81000000');
  await using again = await connectMonitor({ port: monitor.peer.remotePort ?? 0 });
  expect(await again.infoStatus(), 'a look leaves a stopped VM stopped').toMatchObject({ running: false });
  await again.cont();
  // A symbol where the kernel has it, in a file that gdb reads.
  const symbols = /^gdb (\S+) /.exec(lineOf('gdb'))?.[1] ?? '';
  const names = await run('readelf', ['-sW', symbols], { maxBuffer: 1 << 28 });
  const kernel = await run('sh', ['-c', `${lineOf('ssh')} "grep ' schedule$' /proc/kallsyms"`]);
  expect(names.stdout).toMatch(new RegExp(`${kernel.stdout.split(' ')[0] ?? 'none'} .* schedule$`, 'm'));
  await again.close();
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

test('on a terminal it waits for Enter', async ({ start }) => {
  const paused = await start('terminal');
  await expect.poll(paused.output, patient).toContain('Enter, or Ctrl-C, ends it');
  // A key that is no Enter ends nothing: the terminal hands on whole lines.
  await paused.type('x');
  await paused.type('\r');
  await expect.poll(paused.output, patient).toContain('1 failed');
  const { exitCode, report } = await paused.end();
  expect(exitCode).toBe(1);
  expect(report.suites[0]?.specs[0]?.tests[0]?.results[0]?.errors).toHaveLength(1);
  await expect.poll(paused.left).toEqual([]);
});

/** What Playwright's runner ends with after SIGINT: 128 + 2. */
const interrupted = 130;

for (const [what, input, interrupt] of [
  ['Ctrl-C on its terminal', 'terminal', (paused) => paused.type('\x03')],
  [
    'SIGINT to the process that runs the tests alone',
    'pipe',
    (paused) => {
      paused.kill('SIGINT');
    },
  ],
] as const satisfies [string, Input, (paused: PausedRun) => unknown][]) {
  test(`${what} ends it, with the report written and nothing left`, async ({ start }) => {
    const paused = await start(input);
    await expect.poll(paused.output, patient).toContain('Enter, or Ctrl-C, ends it');
    expect(
      (await paused.left()).some((one) => one.includes('qemu-system')),
      'the VM lives',
    ).toBe(true);
    await interrupt(paused);
    await expect.poll(paused.output, patient).toMatch(/1 (failed|interrupted)/);
    await paused.closeInput();
    const { exitCode, report } = await paused.end();
    expect(exitCode).toBe(interrupted);
    const result = report.suites[0]?.specs[0]?.tests[0]?.results[0];
    expect(result?.errors, 'nothing but its own failure').toHaveLength(1);
    expect(result?.attachments.map(({ name }) => name)).toContain('what-happened.txt');
    await expect.poll(paused.left, { timeout: 10_000 }).toEqual([]);
  });
}

test('SIGTERM while it waits leaves nothing', async ({ start }) => {
  const paused = await start('terminal');
  await expect.poll(paused.output, patient).toContain('Enter, or Ctrl-C, ends it');
  paused.kill('SIGTERM');
  await expect.poll(paused.left, { timeout: 10_000 }).toEqual([]);
});
