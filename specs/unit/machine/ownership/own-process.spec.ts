import { expect, test } from '@playwright/test';
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import {
  ownHelper,
  ownProcess,
  ProcessStartError,
  type OwnedProcess,
  type OwnOptions,
} from '../../../../lib/machine/ownership/index.js';
import { processesWithTag } from '../support/traces.js';

const shells = new Set<OwnedProcess>();

// What a test that failed half-way has left; a second stop() is none.
test.afterEach(async () => {
  await Promise.all([...shells].map((shell) => shell.stop({ termMs: 0 })));
  shells.clear();
});

/** A shell, owned, that has got as far as printing `ready`. */
async function ownShell(script: string, more: Partial<OwnOptions> = {}) {
  const owned = await ownProcess({ title: 'a shell', command: 'sh', args: ['-c', script], ...more });
  shells.add(owned);
  owned.stderr.resume();
  await new Promise((resolve) => owned.stdout.once('data', resolve));
  return owned;
}

test('output, exit code and signal of a process come through', async () => {
  const exits = await ownProcess({
    title: 'exits',
    command: 'sh',
    args: ['-c', 'echo out; echo err >&2; exit 7'],
  });
  expect(exits.exit).toBeUndefined();
  expect(await Promise.all([text(exits.stdout), text(exits.stderr)])).toEqual(['out\n', 'err\n']);
  expect(await exits.exited).toEqual({ exitCode: 7 });
  expect(exits.exit).toEqual({ exitCode: 7 });
  expect(await exits.stop()).toEqual({ exit: { exitCode: 7 }, by: 'itself' });

  const dies = await ownProcess({ title: 'dies', command: 'sh', args: ['-c', 'kill -USR1 $$'] });
  expect(await dies.exited).toEqual({ signal: 'SIGUSR1' });
  await dies.stop();
});

test('working folder, environment and input are the given ones', async () => {
  const owned = await ownProcess({
    title: 'cat',
    command: 'sh',
    args: ['-c', 'pwd; echo "$COLOUR"; cat'],
    cwd: '/usr',
    env: { COLOUR: 'grün' },
    stdin: 'pipe',
  });
  owned.stdin?.end('input');
  expect(await text(owned.stdout)).toBe('/usr\ngrün\ninput');
  await owned.stop();
});

test('a program that is not there is a typed error that names it', async () => {
  const attempt = ownProcess({ title: 'the launcher', command: '/nowhere/launch.sh' });
  await expect(attempt).rejects.toThrow(ProcessStartError);
  await expect(attempt).rejects.toThrow(/the launcher could not be started.*\/nowhere\/launch\.sh/s);
});

test('the gentle way is tried first', async () => {
  const owned = await ownShell('trap "exit 5" USR1; echo ready; while :; do sleep 0.01; done');
  const report = await owned.stop({ graceful: () => Promise.resolve(process.kill(owned.pid, 'SIGUSR1')) });
  expect(report).toEqual({ exit: { exitCode: 5 }, by: 'request' });
});

test('a gentle way that fails is followed by signals at once, and is told', async () => {
  const owned = await ownShell('echo ready; exec sleep 1000');
  const refused = new Error('connection refused');
  const report = await owned.stop({ graceful: () => Promise.reject(refused), gracefulMs: 600_000 });
  expect(report).toEqual({ exit: { signal: 'SIGTERM' }, by: 'signal', problem: refused });
});

test('a gentle way that does not end it is given up when its time is up', async () => {
  const owned = await ownShell('echo ready; exec sleep 1000');
  let aborted = false;
  const report = await owned.stop({
    graceful: (signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => (aborted = true));
      }),
    gracefulMs: 50,
  });
  expect(report.by).toBe('signal');
  expect(String(report.problem)).toContain('50 ms');
  expect(aborted).toBe(true);
});

test('what ignores SIGTERM is killed', async () => {
  const owned = await ownShell('trap "" TERM; echo ready; while :; do sleep 0.01; done');
  const report = await owned.stop({ termMs: 50 });
  expect(report.exit).toEqual({ signal: 'SIGKILL' });
});

test('what the process started goes with it: other sessions, other environments, its own end before theirs', async () => {
  const tag = randomUUID();
  // The last one as under sudo with a terminal of its own: neither session nor environment tell, only its parent does.
  const family = 'setsid sleep 1000 & env -i "TAG=$TAG" sleep 1000 & setsid env -i "TAG=$TAG" sleep 1000 &';
  const alive = await ownShell(`${family} echo ready; wait`, { env: { TAG: tag } });
  const gone = await ownShell(`setsid sleep 1000 >/dev/null & echo ready`, { env: { TAG: tag } });
  await gone.exited;
  await expect.poll(() => processesWithTag(tag).length).toBe(5);
  expect((await gone.stop()).by).toBe('itself');
  expect(processesWithTag(tag)).toHaveLength(4);
  await alive.stop();
  expect(processesWithTag(tag)).toEqual([]);
});

test('stopping one leaves the others alone, and stopping twice is once', async () => {
  const others = await Promise.all(Array.from({ length: 12 }, () => ownShell('echo ready; exec sleep 1000')));
  const [first, ...rest] = others;
  const reports = await Promise.all([first?.stop(), first?.stop()]);
  expect(reports[0]).toBe(reports[1]);
  expect(rest.map(({ exit }) => exit)).toEqual(rest.map(() => undefined));
  await Promise.all(rest.map((each) => each.stop()));
});

test('a helper gets a mark of its own and its answer comes back', async () => {
  const marks = await Promise.all(
    [1, 2].map(() => ownHelper((env) => Promise.resolve(env.OPENTDX_E2E_OWNER ?? ''))),
  );
  expect(marks[0]).toMatch(/^[0-9a-f]{16}\.\d+\.$/);
  expect(marks[1]).not.toBe(marks[0]);
});
