import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const scripts = new Set<ChildProcess>();

/** Notes a process for {@link endScripts}. */
export function started<T extends ChildProcess>(script: T): T {
  scripts.add(script);
  return script;
}

/** For `test.afterEach`: ends what a test that failed half-way has left running. What those own is their watchdogs' affair. */
export async function endScripts(): Promise<void> {
  const running = [...scripts].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  scripts.clear();
  const exits = running.map((script) => once(script, 'exit'));
  for (const script of running) script.kill('SIGKILL');
  await Promise.all(exits);
}

/**
 * Starts a TypeScript file as a process of its own: what several runs on one computer are. It speaks in lines on stdout.
 * `detached` makes it the leader of its own process group, so that a test can kill all of it at once. `quiet` drops its stderr.
 */
export function runScript(
  url: URL,
  args: readonly string[] = [],
  {
    detached = false,
    quiet = false,
    env = {},
  }: { detached?: boolean; quiet?: boolean; env?: NodeJS.ProcessEnv } = {},
): ChildProcessByStdio<Writable, Readable, null> {
  const script = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(url), ...args], {
    stdio: ['pipe', 'pipe', quiet ? 'ignore' : 'inherit'],
    detached,
    env: { ...process.env, TSX_DISABLE_CACHE: '1', ...env },
  });
  return started(script);
}
