import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createRunFolder,
  ownProcess,
  sweepLeftovers,
  type RunFolder,
} from '../../../../lib/machine/ownership/index.js';
import { readProcess } from '../../../../lib/machine/ownership/processes.js';
import { reaperFile } from '../../../../lib/machine/ownership/watchdog.js';
import { killAtRandomInstant } from '../support/kill-rounds.js';
import { endScripts, runScript, started } from '../support/run-script.js';
import { existing, processesNaming, processesWithTag } from '../support/traces.js';

const runnerUrl = new URL('runner.ts', import.meta.url);
/** Far more than the 3 s that are promised: a busy computer is no failure of what these check. */
const patience = { timeout: 20_000 };

interface Run {
  tag: string;
  temp: RunFolder;
  /** What is left of it: processes, watchdogs, files. */
  left: () => unknown[];
}

async function newRun(): Promise<Run> {
  const tag = randomUUID();
  const temp = await createRunFolder({ prefix: 'spec' });
  return {
    tag,
    temp,
    left: () => [...processesWithTag(tag), ...processesNaming(temp.path), ...readdirSync(temp.path)],
  };
}

function start(ending: string, { tag, temp }: Run, env: NodeJS.ProcessEnv = {}) {
  const runner = runScript(runnerUrl, [ending, tag], {
    detached: true,
    quiet: ending === 'throw',
    env: { TMPDIR: temp.path, ...env },
  });
  let output = '';
  runner.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = once(runner, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const ready = async () => {
    await expect.poll(() => output, patience).toContain('ready');
    return [...output.matchAll(/^folder (.*)$/gm)].map(([, path = '']) => path);
  };
  return { runner, exited, ready };
}

/** The one process that watches the harness with this run folder. The shell that starts it is there for a moment too. */
async function watchdogOf(runFolder: string): Promise<number> {
  let watchdogs: number[] = [];
  const look = () =>
    (watchdogs = processesNaming('watchdog.sh').filter((pid) =>
      processesNaming(dirname(runFolder)).includes(pid),
    ));
  await expect.poll(look, patience).toHaveLength(1);
  return Number(watchdogs[0]);
}

/** Some are started by others that are ready, at a time of their own. */
async function allStarted(tag: string): Promise<void> {
  await expect.poll(() => processesWithTag(tag).length, patience).toBeGreaterThan(5);
}

test.afterEach(endScripts);

test('after SIGKILL of the whole process group at any instant nothing is left', async ({}, testInfo) => {
  test.slow();
  // Within the first 60 ms things come to be one after the other; QEMU is there later. See scripts for a longer run.
  for (const spreadMs of [60, 60, 300, 60, 300]) {
    const round = await killAtRandomInstant('qemu-system-x86_64', spreadMs, patience.timeout);
    testInfo.annotations.push({ type: 'gone after', description: `${Math.round(round.goneAfterMs)} ms` });
    expect(round.leftovers, JSON.stringify(round)).toEqual([]);
  }
});

const endings: [how: string, argument: string, code: number][] = [
  ['an exception', 'throw', 1],
  ['process.exit', 'exit', 3],
  ['its own orderly end', 'end', 0],
];
for (const [how, argument, code] of endings) {
  test(`after ${how} nothing is left`, async () => {
    const run = await newRun();
    const { exited } = start(argument, run);
    expect(await exited).toEqual([code, null]);
    await expect.poll(run.left, patience).toEqual([]);
    await run.temp.remove();
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`after ${signal} nothing is left, and the runner ends by it once its processes have ended`, async () => {
    const run = await newRun();
    const { runner, exited, ready } = start('wait', run);
    await ready();
    await allStarted(run.tag);
    runner.kill(signal);
    expect(await exited).toEqual([null, signal]);
    // Those that it owns were ended by itself; helpers and folders are the watchdog's.
    expect(processesWithTag(run.tag).filter(({ command }) => !command.includes('100005'))).toEqual([]);
    await expect.poll(run.left, patience).toEqual([]);
    await run.temp.remove();
  });
}

test('when the watchdog was killed too, the next run’s sweep ends and removes what is left, and no living run’s', async () => {
  const [dead, alive] = [await newRun(), await newRun()];
  alive.temp = dead.temp;
  const living = start('wait', alive);
  const [livingFolder = ''] = await living.ready();
  const killed = start('wait', dead);
  const folders = await killed.ready();
  await allStarted(dead.tag);
  process.kill(await watchdogOf(folders[0] ?? ''), 'SIGKILL');
  killed.runner.kill('SIGKILL');
  await killed.exited;
  expect(processesWithTag(dead.tag).length).toBeGreaterThan(5);

  expect(await sweepLeftovers([dead.temp.path, '/nowhere'])).toEqual([join(folders[0] ?? '', '..')]);
  expect(processesWithTag(dead.tag)).toEqual([]);
  expect(existing(folders)).toEqual([]);
  expect(existing([livingFolder])).toEqual([livingFolder]);
  expect(processesWithTag(alive.tag).length).toBeGreaterThan(5);
  living.runner.kill('SIGKILL');
  await expect.poll(alive.left, patience).toEqual([]);
  await dead.temp.remove();
});

test('a run in another network namespace, where this one’s lease is not seen, sweeps nothing of it', async () => {
  const alive = await newRun();
  const living = start('wait', alive);
  const folders = await living.ready();
  await allStarted(alive.tag);
  const sweep = new URL('../../../../lib/machine/ownership/index.ts', import.meta.url).href;
  const script = `import { sweepLeftovers } from ${JSON.stringify(sweep)};
    console.log(JSON.stringify(await sweepLeftovers([${JSON.stringify(alive.temp.path)}])));`;
  const other = process.getuid?.() === 0 ? ['--net'] : ['--map-root-user', '--net'];
  const program = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout, stderr } = await execa('unshare', [...other, ...program], { reject: false });
  expect(stdout, stderr).toBe('[]');
  expect(existing(folders)).toEqual(folders);
  expect(processesWithTag(alive.tag).length).toBeGreaterThan(5);
  living.runner.kill('SIGKILL');
  await expect.poll(alive.left, patience).toEqual([]);
  await alive.temp.remove();
});

test('a watchdog that was killed is replaced before the next process is started', async () => {
  const script = `
    import { createRunFolder, ownProcess } from ${JSON.stringify(new URL('../../../../lib/machine/ownership/index.ts', import.meta.url).href)};
    const { path } = await createRunFolder();
    console.log(path);
    process.stdin.once('data', async () => {
      const { pid } = await ownProcess({ title: 'x', command: 'sleep', args: ['1000'] });
      console.log(pid);
    });`;
  const runner = started(
    spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    }),
  );
  const line = async () => String(((await once(runner.stdout, 'data')) as [Buffer])[0]).trim();
  const runFolder = await line();
  const folder = join(runFolder, '..');
  const watchdog = await watchdogOf(runFolder);
  process.kill(watchdog, 'SIGKILL');
  await expect.poll(() => readProcess(watchdog)).toBeUndefined();
  runner.stdin.write('go\n');
  const pid = Number(await line());
  expect(await watchdogOf(runFolder)).not.toBe(watchdog);
  runner.kill('SIGKILL');
  await expect.poll(() => [readProcess(pid), existing([folder])], patience).toEqual([undefined, []]);
});

test('a run within a run: when the outer one stops it, its own watchdog cleans up after it', async () => {
  const run = await newRun();
  const inner = await ownProcess({
    title: 'an inner run',
    command: process.execPath,
    args: ['--import', 'tsx', fileURLToPath(runnerUrl), 'wait', run.tag],
    env: { TMPDIR: run.temp.path, TSX_DISABLE_CACHE: '1' },
  });
  inner.stderr.resume();
  let output = '';
  inner.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await expect.poll(() => output, patience).toContain('ready');
  // Without any time for it to clean up itself.
  await inner.stop({ termMs: 0 });
  await expect.poll(run.left, patience).toEqual([]);
  await run.temp.remove();
});

test('the reaper touches no process and no folder that is not its harness’s', async () => {
  const temp = await createRunFolder({ prefix: 'spec' });
  const bystander = started(spawn('sleep', ['1000'], { detached: true }));
  const pid = bystander.pid ?? 0;
  const folder = join(temp.path, 'opentdx-e2e-0123456789abcdef');
  const precious = join(temp.path, 'precious');
  mkdirSync(folder);
  mkdirSync(precious);
  const { boot, namespace } = await thisWorld();
  const journal = (world: string) =>
    [{ world, pid: 1 }, { process: { pid, start: 1 } }, { folder: precious }]
      .map((entry) => `${JSON.stringify(entry)}\n`)
      .join('') + '{"folder": "torn';
  writeFileSync(join(folder, 'journal'), journal(`${boot} ${namespace}`));
  const reap = async (path: string) =>
    (await once(spawn(process.execPath, [reaperFile, path]), 'exit'))[0] as number;
  expect(await reap(folder)).toBe(0);
  expect(existing([folder, precious])).toEqual([precious]);
  expect(readProcess(pid)).toBeDefined();

  // Another boot's numbers mean nothing, even if they seem right.
  mkdirSync(folder);
  const other = journal(`another-boot ${namespace}`).replace(
    '"start":1',
    `"start":${readProcess(pid)?.start ?? 0}`,
  );
  writeFileSync(join(folder, 'journal'), other);
  expect(await reap(folder)).toBe(0);
  expect(readProcess(pid)).toBeDefined();

  expect(await reap(precious)).not.toBe(0);
  expect(existing([precious])).toEqual([precious]);
  bystander.kill('SIGKILL');
  await temp.remove();
});

async function thisWorld() {
  const { readFile, readlink } = await import('node:fs/promises');
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return { boot, namespace: await readlink('/proc/self/ns/pid') };
}
