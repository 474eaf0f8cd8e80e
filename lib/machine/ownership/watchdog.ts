import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** The reaper, run by plain `node`: see its head. */
export const reaperFile = fileURLToPath(new URL('reap.js', import.meta.url));
const watchdogFile = fileURLToPath(new URL('watchdog.sh', import.meta.url));

/**
 * What watchdog and reaper get of the environment: no mark of an outer harness that may have started this one, or the outer
 * one's end would take the inner one's watchdog along; and nothing, such as NODE_OPTIONS, that changes how Node runs.
 */
export const reaperEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
};

/**
 * Starts the watchdog of this process for the folder that its journal will lie in. When it returns, the watchdog lives in a
 * session of its own; `onEnd` is called if it ends before this process does.
 *
 * Node's own spawn, as execa's handling of results has nothing to add to a process without any.
 */
export function startWatchdog(folder: string, onEnd: () => void): void {
  const shell = spawn('/bin/sh', [watchdogFile, process.execPath, reaperFile, folder], {
    cwd: '/',
    env: reaperEnvironment,
    detached: true,
    // Not stdin: Node closes that one when the outer shell exits, which it does at once.
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const pipe = shell.stdio[3];
  // A pipe to a child is a socket in Node; only its type does not say so.
  if (!(pipe instanceof Socket)) throw new TypeError('a pipe to a child process is not a socket');
  pipe.on('error', () => pipe.destroy());
  // Its 'close' comes some turns of the event loop after its end, and alone where it breaks instead.
  let ended = false;
  const end = (): void => {
    if (!ended) onEnd();
    ended = true;
  };
  pipe.on('end', end).on('close', end);
  shell.on('error', (error) => {
    process.emitWarning(
      `No watchdog: /bin/sh could not be started (${error.message}). A killed run leaves its machines behind.`,
    );
  });
  shell.unref();
  pipe.resume();
  pipe.unref();
}
