import { expect, test } from '@playwright/test';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { dir } from 'tmp-promise';
import { InfrastructureError } from '../../../../lib/errors.js';
import { Console } from '../../../../lib/machine/console/index.js';
import type { ProcessExit } from '../../../../lib/machine/ownership/index.js';
import {
  forConsole,
  forProbe,
  inOrder,
  NotReadyError,
  waitUntilReady,
  type WaitStrategy,
} from '../../../../lib/machine/wait/index.js';

const never = (awaited: string, budgetMs = 60_000): WaitStrategy => ({
  awaited,
  budgetMs,
  until: () => new Promise(() => undefined),
});

async function failureOf(wait: Promise<void>): Promise<NotReadyError> {
  const failure = await wait.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(NotReadyError);
  expect(failure).toBeInstanceOf(InfrastructureError);
  return failure as NotReadyError;
}

/** A machine that only has a console. */
async function withMachine(
  use: (machine: { output: PassThrough; subject: { title: string; console: Console } }) => Promise<void>,
): Promise<void> {
  const folder = await dir({ unsafeCleanup: true });
  const console = new Console({ logFile: join(folder.path, 'console.log') });
  const output = new PassThrough();
  void console.attach(output);
  try {
    await use({ output, subject: { title: 'The machine', console } });
  } finally {
    output.destroy();
    console.close();
    await folder.cleanup();
  }
}

test.describe('a console line', () => {
  test('counts when it comes, when it is there already, and when it is not finished', async () => {
    await withMachine(async ({ output, subject }) => {
      const coming = waitUntilReady(forConsole(/Linux version \d/), subject);
      output.write('noise\n\x1b[1mLinux ver');
      output.write('sion 6.1\nlogin: ');
      await coming;
      await waitUntilReady(inOrder(forConsole(/^noise$/), forConsole(/login: $/g)), subject);
    });
  });

  test('is found behind another one that came with a flood in one piece', async () => {
    await withMachine(async ({ output, subject }) => {
      const wait = waitUntilReady(inOrder(forConsole(/^first$/), forConsole(/^second$/)), subject);
      output.write(`first\n${'noise\n'.repeat(300)}second\n${'noise\n'.repeat(300)}`);
      await wait;
    });
  });

  test('from before `since` does not count, neither as ready nor as a panic', async () => {
    await withMachine(async ({ output, subject }) => {
      output.write('Kernel panic - not syncing: on purpose\nready\n');
      await expect.poll(() => subject.console.lineCount).toBe(2);
      const rebooted = waitUntilReady(forConsole(/ready/, { budgetMs: 5_000 }), { ...subject, since: 2 });
      let done = false;
      void rebooted.then(() => (done = true));
      await new Promise(setImmediate);
      expect(done).toBe(false);
      output.write('ready\n');
      await rebooted;
    });
  });
});

test.describe('the race', () => {
  test('a deadline tells what was awaited, the budget, the stages, the last thing seen and the console', async () => {
    await withMachine(async ({ output, subject }) => {
      output.write(Array.from({ length: 60 }, (_, i) => `line ${i}\n`).join(''));
      const strategy = inOrder(
        forConsole(/line 3/, { awaited: 'the firmware' }),
        forConsole(/line 59/, { awaited: 'the kernel' }),
        never('ssh'),
        never('nothing'),
      );
      const impatient = { ...strategy, budgetMs: 100 };
      const failure = await failureOf(waitUntilReady(impatient, subject));
      expect(failure.reason).toBe('deadline');
      expect(failure.details.awaited).toEqual(['ssh']);
      expect(failure.details.budgetMs).toBe(100);
      expect(failure.details.elapsedMs).toBeGreaterThanOrEqual(99);
      expect(failure.details.reached.map(({ stage }) => stage)).toEqual(['the firmware', 'the kernel']);
      expect(failure.details.consoleTail).toHaveLength(50);
      expect(failure.details.consoleTail.at(-1)).toBe('line 59');
      expect(failure.message).toMatch(
        /^The machine was not ready: its time was up after \d+\.\d+ s, waiting for ssh, budget 0\.10 s\.$/m,
      );
      expect(failure.message).toMatch(/^Reached: the firmware \(\d+\.\d+ s\), the kernel \(\d+\.\d+ s\)\.$/m);
      expect(failure.message).toContain('Last seen: console line "line 59"');
      expect(failure.message).toContain(`Full console log: ${subject.console.logFile}`);
      expect(failure.message).toContain('\n  | line 10\n');
      expect(failure.message).not.toContain('| line 9\n');
    });
  });

  test('each part has its own budget, and the one that is late is named', async () => {
    const failure = await failureOf(
      waitUntilReady(
        { ...inOrder(never('haste', 30), never('patience')), budgetMs: 60_000 },
        { title: 'It' },
      ),
    );
    expect(failure.details).toMatchObject({ awaited: ['haste'], budgetMs: 30 });
  });

  test('a budget that was kept does not run on', async () => {
    const quick = { ...forProbe(() => Promise.resolve('ready'), { awaited: 'quick' }), budgetMs: 50 };
    const slow = forProbe(() => new Promise((resolve) => setTimeout(resolve, 120, 'ready')), {
      awaited: 'slow',
      budgetMs: 10_000,
    });
    await waitUntilReady(inOrder(quick, slow), { title: 'It' });
  });

  test('the end of the process ends the wait, with its last words', async () => {
    await withMachine(async ({ output, subject }) => {
      let exit!: (how: ProcessExit) => void;
      const exited = new Promise<ProcessExit>((resolve) => (exit = resolve));
      const wait = failureOf(waitUntilReady(never('ssh', 600_000), { ...subject, exited }));
      exit({ signal: 'SIGKILL' });
      // The pipe still holds what was printed before the end.
      setTimeout(() => output.end('qemu: last words'), 20);
      const failure = await wait;
      expect(failure.reason).toBe('exit');
      expect(failure.details.exit).toEqual({ signal: 'SIGKILL' });
      expect(failure.details.consoleTail).toEqual(['qemu: last words']);
      expect(failure.message).toContain('its process ended (signal SIGKILL)');
      expect(failure.message).toContain('waiting for ssh');
    });
  });

  test('an exit code is told too, and a process that was dead before ends the wait as well', async () => {
    const failure = await failureOf(
      waitUntilReady(never('ssh'), { title: 'It', exited: Promise.resolve({ exitCode: 3 }) }),
    );
    expect(failure.message).toContain('its process ended (exit code 3)');
    expect(failure.message).not.toContain('console');
  });

  test('a kernel panic ends the wait at once, and beats the exit that follows it', async () => {
    await withMachine(async ({ output, subject }) => {
      let exit!: (how: ProcessExit) => void;
      const exited = new Promise<ProcessExit>((resolve) => (exit = resolve));
      const wait = failureOf(waitUntilReady(never('ssh', 600_000), { ...subject, exited }));
      exit({ exitCode: 0 });
      setTimeout(() => output.end('[ 1.0] Kernel panic - not syncing: VFS: no root\n'), 20);
      const failure = await wait;
      expect(failure.reason).toBe('panic');
      expect(failure.message).toContain(
        'kernel panicked ("[ 1.0] Kernel panic - not syncing: VFS: no root"; the process then ended',
      );

      const alone = await failureOf(waitUntilReady(never('ssh', 600_000), subject));
      expect(alone.reason).toBe('panic');
      await waitUntilReady(forConsole(/Kernel panic/), { ...subject, panic: false });
    });
  });

  test('the caller may end the wait, before or after it began', async () => {
    const stop = new AbortController();
    const wait = failureOf(waitUntilReady(never('ssh'), { title: 'It', signal: stop.signal }));
    stop.abort(new Error('the test is over'));
    expect((await wait).reason).toBe('cancelled');
    expect(((await wait).cause as Error).message).toBe('the test is over');
    expect((await failureOf(waitUntilReady(never('ssh'), { title: 'It', signal: stop.signal }))).reason).toBe(
      'cancelled',
    );
  });

  test('a strategy that fails ends the wait with its cause', async () => {
    const broken = forProbe(() => Promise.reject(new TypeError('a bug')), { awaited: 'a probe' });
    const failure = await failureOf(waitUntilReady(broken, { title: 'It' }));
    expect(failure.reason).toBe('failed');
    expect(failure.message).toContain('the wait itself failed (a bug)');
    expect(failure.cause).toBeInstanceOf(TypeError);
    expect((await failureOf(waitUntilReady(forConsole(/x/), { title: 'It' }))).message).toContain(
      'has a console',
    );
  });

  test('nothing of a wait goes on after it', async () => {
    await withMachine(async ({ output, subject }) => {
      let probes = 0;
      const signals: AbortSignal[] = [];
      const endless = forProbe(
        (signal) => {
          probes++;
          signals.push(signal);
          return Promise.resolve({ saw: 'not yet' });
        },
        { awaited: 'a probe', intervalMs: 1 },
      );
      const failure = await failureOf(waitUntilReady({ ...endless, budgetMs: 200 }, subject));
      expect(failure.details.lastSeen).toBe('not yet');
      const probesThen = probes;
      expect(probesThen).toBeGreaterThan(1);
      output.write('line\n');
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(probes).toBe(probesThen);
      expect(signals.every(({ aborted }) => aborted)).toBe(true);
      expect(failure.details.lastSeen).toBe('not yet');
    });
  });
});
