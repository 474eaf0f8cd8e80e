import { expect, test } from '@playwright/test';
import { randomUUID } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { dir } from 'tmp-promise';
import {
  endProcesses,
  findOwned,
  isAlive,
  ownerVariable,
  readProcess,
} from '../../../../lib/machine/ownership/processes.js';
import { endScripts, started } from '../support/run-script.js';
import { allocatePorts } from '../../../../lib/machine/ports/index.js';
import { forProbe, waitUntilReady } from '../../../../lib/machine/wait/index.js';
import { connectMonitor } from '../../../../lib/monitor/index.js';

const budgets = { quitMs: 0, termMs: 2_000, killMs: 2_000 };

function sleeper(env: NodeJS.ProcessEnv = {}): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['1000'], { env: { ...process.env, ...env }, detached: true });
  return started(child) as ChildProcess & { pid: number };
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test.afterEach(endScripts);

/** Runs code with the functions under test as a user who may not signal this one's processes, and answers what it returns. */
async function asNobody(code: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const core = pathToFileURL(join(import.meta.dirname, '../../../../lib/machine/ownership/processes.js'));
  const program = `
    const { endProcesses, findOwned, readProcess } = await import(${JSON.stringify(core.href)});
    console.log(JSON.stringify(await (async () => {${code}})()));`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], {
    uid: 65534,
    gid: 65534,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(other.stdout));
}

test('a process’s name cannot confuse what is read about it', async () => {
  const folder = await dir({ unsafeCleanup: true });
  const program = join(folder.path, 'a) Z 1 (');
  copyFileSync('/bin/sleep', program);
  const child = started(spawn(program, ['1000'], { detached: true }));
  const pid = child.pid ?? 0;
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'utf8')).toContain('a) Z 1 (');
  expect(readProcess(pid)).toMatchObject({ pid, parent: process.pid, session: pid });
  await end(child);
  await folder.cleanup();
  expect(readProcess(pid)).toBeUndefined();
});

test('a bystander whose number a claimed process once had is not found, by number or by session', async () => {
  const bystander = sleeper();
  const start = readProcess(bystander.pid)?.start ?? 0;
  const claim = { mark: 'no process has this mark.', monitorPorts: [] };
  expect(findOwned({ ...claim, roots: [{ pid: bystander.pid, start: start - 1 }] })).toEqual([]);
  expect(isAlive({ pid: bystander.pid, start: start - 1 })).toBe(false);
  expect(findOwned({ ...claim, roots: [{ pid: bystander.pid, start }] })).toHaveLength(1);
  await end(bystander);
});

test('a mark is compared as a whole variable from its beginning', async () => {
  const token = randomUUID();
  const marks = [`${token}.1.`, `${token}.11.`, `x${token}.1.`, ''];
  const children = marks.map((mark) =>
    sleeper({ [ownerVariable]: mark, OTHER: `x${ownerVariable}=${token}.1.` }),
  );
  const found = (mark: string) =>
    findOwned({ mark, roots: [], monitorPorts: [] }).map(({ pid }) =>
      children.findIndex((child) => child.pid === pid),
    );
  await expect.poll(() => found(`x${token}.`)).toEqual([2]);
  await expect.poll(() => found(`${token}.`).toSorted()).toEqual([0, 1]);
  expect(found(`${token}.1.`)).toEqual([0]);
  await Promise.all(children.map(end));
});

test('what is started while the end is under way is ended too', async () => {
  const mark = `${randomUUID()}.`;
  const script =
    'trap "setsid sleep 1000 & setsid sleep 1000 &" TERM; sleep 1000 & echo ready; wait; sleep 1000';
  const child = started(
    spawn('sh', ['-c', script], {
      detached: true,
      env: { ...process.env, [ownerVariable]: mark },
    }),
  );
  await once(child.stdout, 'data');
  const claim = { mark, roots: [], monitorPorts: [] };
  expect(await endProcesses(claim, { ...budgets, termMs: 100 })).toEqual([]);
  expect(findOwned(claim)).toEqual([]);
});

test('what outlives its parent’s end stays claimed, with nothing left that tells whose it is', async () => {
  const mark = `${randomUUID()}.`;
  // One is the leader of its session, the other one has lost its leader as well.
  const script = `stubborn='trap "" TERM; echo ready; while :; do sleep 0.01; done'
    setsid env -i sh -c "$stubborn" &
    setsid env -i sh -c "sh -c '$stubborn' & wait" &
    wait`;
  const child = started(
    spawn('sh', ['-c', script], {
      detached: true,
      env: { ...process.env, [ownerVariable]: mark },
    }),
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  await expect.poll(() => output).toBe('ready\nready\n');
  const claim = { mark, roots: [], monitorPorts: [] };
  const found = findOwned(claim);
  expect(found.length).toBeGreaterThanOrEqual(4);
  expect(await endProcesses(claim, { ...budgets, termMs: 200 })).toEqual([]);
  expect(found.filter(isAlive)).toEqual([]);
});

test.describe('a QEMU whose session’s leader is gone, as under sudo', () => {
  const start = async (port: number) => {
    const qemu = `exec env -i qemu-system-x86_64 -machine q35 -accel tcg -display none -nodefaults -monitor tcp:127.0.0.1:${port},server,nowait`;
    const leader = started(
      spawn('sh', ['-c', `(${qemu}) >&2 & read line`], {
        detached: true,
        stdio: ['pipe', 'ignore', 'pipe'],
      }),
    );
    let errors = '';
    leader.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const pid = leader.pid ?? 0;
    const root = { pid, start: readProcess(pid)?.start ?? 0 };
    const greets = () =>
      connectMonitor({ port }).then(
        (monitor) => monitor.close().then(() => 'ready' as const),
        (error: unknown) => ({ saw: String(error) }),
      );
    await waitUntilReady(forProbe(greets, { awaited: 'its monitor' }), { title: 'QEMU' });
    const exited = once(leader, 'exit');
    leader.stdin.end();
    await exited;
    return { root, closed: once(leader, 'close'), errors: () => errors };
  };

  test('is found by its session and its monitor’s port together, and obeys quit', async () => {
    test.skip(process.getuid?.() !== 0, 'only root can become another user here');
    await using ports = await allocatePorts();
    const { root, closed, errors } = await start(ports.monitor);
    const find = (port: number, from = root) =>
      findOwned({ mark: 'no process has this mark.', roots: [from], monitorPorts: [port] });
    expect(find(ports.monitor)).toHaveLength(1);
    expect(find(Math.floor(ports.monitor / 10))).toEqual([]);
    expect(find(ports.monitor, { ...root, pid: process.pid })).toEqual([]);
    const left = await asNobody(`
      const claim = { mark: 'no process has this mark.', roots: [${JSON.stringify(root)}], monitorPorts: [${ports.monitor}] };
      return endProcesses(claim, { quitMs: 10_000, termMs: 0, killMs: 0 });`);
    await closed;
    expect(left).toEqual([]);
    expect(errors()).not.toContain('terminating on signal');
  });
});

test('a process of another user is ended through sudo, and said to be left when that fails', async () => {
  test.skip(process.getuid?.() !== 0, 'only root can become another user here');
  const folder = await dir({ unsafeCleanup: true });
  chmodSync(folder.path, 0o755);
  const bystander = sleeper();
  const record = join(folder.path, 'called');
  writeFileSync(record, '');
  chmodSync(record, 0o666);
  writeFileSync(join(folder.path, 'sudo'), `#!/bin/sh\necho "$*" >> "${record}"\n`, { mode: 0o755 });
  const left = await asNobody(
    `const target = readProcess(${bystander.pid});
     const claim = { mark: 'no process has this mark.', roots: [target], monitorPorts: [] };
     return endProcesses(claim, { quitMs: 0, termMs: 1_000, killMs: 1_000 });`,
    { PATH: `${folder.path}:${process.env.PATH ?? ''}` },
  );
  expect(left).toMatchObject([{ pid: bystander.pid }]);
  // What was called may be slower than who called it.
  await expect
    .poll(() => readFileSync(record, 'utf8').trim().split('\n').slice(0, 2), { timeout: 20_000 })
    .toEqual(['TERM', 'KILL'].map((signal) => `-n kill -s ${signal} -- ${bystander.pid}`));
  await end(bystander);
  await folder.cleanup();
  expect(existsSync(record)).toBe(false);
});
