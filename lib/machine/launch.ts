import { connectMonitor, type Monitor, MonitorConnectError, Transcript } from '../monitor/index.js';
import { UndoStack } from '../host/undo-stack.js';
import { Console } from './console/index.js';
import { Machine } from './machine.js';
import { createRunFolder, ownProcess } from './ownership/index.js';
import { launchArguments, type LaunchPlan } from './plan/launch-plan.js';
import { allocatePorts } from './ports/index.js';
import {
  forProbe,
  NotReadyError,
  type ProbeAnswer,
  waitUntilReady,
  type WaitStrategy,
} from './wait/index.js';

export interface LaunchOptions {
  /** Names the machine in messages: `The reference machine`. */
  readonly title: string;
  /** Where the console's output goes, capped. It is the caller's, who attaches it to a report; it outlives the machine. */
  readonly consoleLog: string;
  /** What is to be done as soon as the monitor answers, before readiness is awaited. */
  readonly prepare?: (machine: Machine) => Promise<void>;
  /** What makes the machine ready, beyond a monitor that answers; made when the machine's ports are known. */
  readonly until: (machine: Machine) => Promise<WaitStrategy>;
  /** Told of the machine as soon as it exists, before it is ready: its console and transcript are evidence if it never is. */
  readonly onStarted?: (evidence: LaunchEvidence) => void;
  readonly signal?: AbortSignal;
}

/** What a launch leaves behind for a report, whether it succeeds or not. */
export interface LaunchEvidence {
  readonly console: Console;
  readonly transcript: Transcript;
}

/** A bind that fails although the port was found free is somebody else's doing: other ports are tried, this many times. */
const portAttempts = 3;

/** QEMU's words for a port that is taken: user-mode network, monitor and gdb stub (slirp, net/slirp.c, io/channel-socket.c). */
const portTaken = /Could not set up host forwarding rule|Address already in use/;

/** QEMU opens its monitor before it sets up the machine: a start-up that takes longer is stuck. */
const monitorBudgetMs = 20_000;

/**
 * Runs the plan's launch script on ports of its own and waits until the machine is ready. A launch that fails has ended all
 * that it started before it throws.
 *
 * @throws NotReadyError with the stage that was reached and the console's last lines
 */
export async function launch(plan: LaunchPlan, options: LaunchOptions): Promise<Machine> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launchOnce(plan, options);
    } catch (error) {
      const lostRace =
        error instanceof NotReadyError && error.details.consoleTail.some((line) => portTaken.test(line));
      if (!lostRace || attempt === portAttempts) throw error;
    }
  }
}

async function launchOnce(plan: LaunchPlan, options: LaunchOptions): Promise<Machine> {
  const started = new UndoStack();
  try {
    const ports = await allocatePorts();
    started.defer(() => ports.release());
    const folder = await createRunFolder({ prefix: 'vm' });
    started.defer(() => folder.remove());

    const console = new Console({ logFile: options.consoleLog });
    const transcript = new Transcript();
    options.onStarted?.({ console, transcript });
    const process = await ownProcess({
      title: options.title,
      command: plan.script,
      args: launchArguments(plan, ports),
      cwd: plan.workingFolder ?? folder.path,
      env: plan.environment,
      monitorPort: ports.monitor,
    });
    const output = Promise.all([console.attach(process.stdout), console.attach(process.stderr)]);
    started.defer(async () => {
      await process.stop();
      await output;
      console.close();
    });

    const subject = { title: options.title, console, exited: process.exited };
    const wait = (strategy: WaitStrategy): Promise<void> =>
      waitUntilReady(strategy, options.signal ? { ...subject, signal: options.signal } : subject);
    const monitor = await firstAnswer(ports.monitor, transcript, wait);
    started.defer(() => monitor.close());
    const machine = await Machine.of({
      ...options,
      plan,
      ports,
      folder,
      console,
      output,
      process,
      monitor,
      transcript,
    });
    if (plan.debug) await monitor.cont();
    await options.prepare?.(machine);
    await wait(await options.until(machine));
    return machine;
  } catch (error) {
    await started.undo();
    throw error;
  }
}

/**
 * The monitor's first connection. It takes one client at a time, so that a look whether the port is open would keep the real
 * client out for a moment: the connection that succeeds is the one that is kept.
 */
async function firstAnswer(
  port: number,
  transcript: Transcript,
  wait: (strategy: WaitStrategy) => Promise<void>,
): Promise<Monitor> {
  let monitor: Monitor | undefined;
  const look = async (): Promise<ProbeAnswer> => {
    try {
      monitor = await connectMonitor({ port, transcript });
      return 'ready';
    } catch (error) {
      if (error instanceof MonitorConnectError && error.code === 'ECONNREFUSED')
        return { saw: error.message };
      throw error;
    }
  };
  await wait(forProbe(look, { awaited: 'the QEMU monitor', budgetMs: monitorBudgetMs }));
  if (!monitor) throw new TypeError('a probe that was ready left no monitor');
  return monitor;
}
