import { execa } from 'execa';
import type { Readable, Writable } from 'node:stream';
import { InfrastructureError } from '../../errors.js';
import { heedRunDelayOf } from '../../host/budget/index.js';
import type { ProcessExit } from './exit.js';
import { theOwner } from './owner.js';
import { ownerVariable, readProcess } from './processes.js';
import { endOnSignals } from './signals.js';
import { stopProcess, type StopOptions, type StopReport } from './stop.js';

export interface OwnOptions {
  command: string;
  args?: readonly string[];
  cwd?: string;
  /** Added to this process's environment. */
  env?: NodeJS.ProcessEnv;
  /** What it is called in messages, for example `the reference machine's QEMU`. */
  title: string;
  /** Default: `ignore`, which is an empty input. */
  stdin?: 'ignore' | 'pipe';
  /**
   * The TCP port of a QEMU monitor (HMP) on 127.0.0.1 that the process will open and has on its command line. If this process is
   * gone by then, the watchdog sends `quit` there before it uses signals, which do not reach a QEMU that runs as root.
   */
  monitorPort?: number;
  /** How it is stopped when a signal ends this process; `stop()` may be told otherwise. */
  stop?: StopOptions;
}

/** A process that this one owns: it and all that it starts end with this one, however this one ends. */
export interface OwnedProcess extends AsyncDisposable {
  readonly title: string;
  readonly pid: number;
  /** To be read, or the process blocks once the pipe is full. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Undefined unless asked for. */
  readonly stdin: Writable | undefined;
  /** Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Set once it has ended. */
  readonly exit: ProcessExit | undefined;
  /** Ends it and all that it has started, itself ended or not. Calling it again answers the same, or tries again if it failed. */
  stop(options?: StopOptions): Promise<StopReport>;
}

/** The program could not be started at all. */
export class ProcessStartError extends InfrastructureError {
  override readonly name = 'ProcessStartError';
}

const living = new Set<OwnedProcess>();

/**
 * Starts a process in a session of its own, owned by this one. The watchdog knows of it before it exists: it is found by a mark
 * in its environment, which its children inherit, whatever session or process group they move to.
 *
 * @throws ProcessStartError
 */
export async function ownProcess(options: OwnOptions): Promise<OwnedProcess> {
  const { command, args = [], cwd, env, title, stdin = 'ignore', monitorPort } = options;
  const owner = await theOwner();
  await owner.watch();
  endOnSignals(() => Promise.allSettled([...living].map((each) => each.stop())));
  if (monitorPort !== undefined) owner.note({ monitorPort });
  const mark = owner.nextMark();

  const subprocess = execa(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...env, [ownerVariable]: mark },
    detached: true,
    stdin,
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
  });
  const { pid, stdout, stderr } = subprocess;
  if (pid === undefined) {
    const { originalMessage, shortMessage } = await subprocess;
    throw new ProcessStartError(
      `${title} could not be started: ${originalMessage ?? shortMessage ?? command}`,
    );
  }
  // Undefined if it has ended already; then its children, if any, are found by the mark.
  const start = readProcess(pid)?.start;
  if (start !== undefined) owner.note({ process: { pid, start }, title });

  const endHeeding = heedRunDelayOf(pid);
  let exit: ProcessExit | undefined;
  const exited = new Promise<ProcessExit>((resolve) => {
    subprocess.once('exit', (exitCode, signal) => {
      endHeeding();
      exit = signal === null ? { exitCode: exitCode ?? 0 } : { signal };
      resolve(exit);
    });
  });
  let stopping: Promise<StopReport> | undefined;
  const owned: OwnedProcess = {
    title,
    pid,
    stdout,
    stderr,
    stdin: subprocess.stdin ?? undefined,
    exited,
    get exit() {
      return exit;
    },
    stop: (how = options.stop ?? {}) => (stopping ??= stop(how)),
    async [Symbol.asyncDispose]() {
      await owned.stop();
    },
  };
  const stop = async (how: StopOptions): Promise<StopReport> => {
    const claim = {
      mark,
      roots: start === undefined ? [] : [{ pid, start }],
      monitorPorts: monitorPort === undefined ? [] : [monitorPort],
    };
    const report = await stopProcess(owned, claim, how).catch((error: unknown) => {
      stopping = undefined;
      throw error;
    });
    living.delete(owned);
    owner.letGo(owned);
    return report;
  };
  living.add(owned);
  owner.hold(owned);
  return owned;
}

/**
 * Runs a short-lived helper that is to be started with the environment that `run` gets. `run` waits for its end; if this process ends meanwhile, the watchdog ends the helper.
 */
export async function ownHelper<T>(run: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const owner = await theOwner();
  await owner.watch();
  const helper = {};
  owner.hold(helper);
  try {
    return await run({ [ownerVariable]: owner.nextMark() });
  } finally {
    owner.letGo(helper);
  }
}

/**
 * The environment that marks a process as this one's, for processes that somebody else starts and ends, such as an
 * image's build: if this process ends before them, the watchdog ends them.
 */
export async function ownerEnvironment(): Promise<Record<string, string>> {
  const owner = await theOwner();
  await owner.watch();
  return { [ownerVariable]: owner.nextMark() };
}
