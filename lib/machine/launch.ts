import { isDeepStrictEqual } from 'node:util';
import { budgetClock } from '../host/budget/index.js';
import {
  connectMonitor,
  type Monitor,
  type MonitorEndpoint,
  MonitorBusyError,
  MonitorGreetingError,
  MonitorConnectError,
  Transcript,
} from '../monitor/index.js';
import { UndoStack } from '../host/undo-stack.js';
import {
  BootFailure,
  BootRecord,
  diagnose,
  launcherStarted,
  programAlive,
  restored,
  TextTail,
  unlessStalled,
  type Whereabouts,
} from './boot-story/index.js';
import { Console } from './console/index.js';
import { findMonitor } from './find-monitor.js';
import type { MachineProgram } from './machine.js';
import { QemuMachine } from './qemu-machine.js';
import { optionsOfQemu } from './qemu-process.js';
import { createRunFolder, type OwnedProcess, ownProcess } from './ownership/index.js';
import type { LaunchPlan } from './plan/launch-plan.js';
import { allocatePorts } from './ports/index.js';
import { forProbe, type ProbeAnswer, waitUntilReady, type WaitStrategy } from './wait/index.js';

export interface LaunchOptions {
  /** Names the machine in messages: `The reference machine`. */
  readonly title: string;
  /** Where the console's output goes, capped. It is the caller's, who attaches it to a report; it outlives the machine. */
  readonly consoleLog: string;
  /** What is to be done as soon as the monitor answers, before readiness is awaited. */
  readonly prepare?: (machine: QemuMachine) => Promise<void>;
  /** What makes the machine ready, beyond a monitor that answers; made when the machine's ports are known. */
  readonly until: (machine: QemuMachine) => Promise<WaitStrategy>;
  /** Told of the machine as soon as it exists, before it is ready: its console and transcript are evidence if it never is. */
  readonly onStarted?: (evidence: LaunchEvidence) => void;
  readonly signal?: AbortSignal;
  /** Names where vCPUs are, for the story of a machine that does not become ready. */
  readonly whereabouts?: Whereabouts;
  /** How long the machine may print nothing and come to no new code before it counts as stopped. Default: 20 s. */
  readonly stallMs?: number;
}

/** What a launch leaves behind for a report, whether it succeeds or not. */
export interface LaunchEvidence {
  readonly program: MachineProgram;
  readonly console: Console;
  readonly transcript: Transcript;
  /** What the launch script and QEMU wrote to stderr; it is part of the console's output too. */
  readonly stderr: TextTail;
  readonly record: BootRecord;
}

/** A bind that fails although the port was found free is somebody else's doing: other ports are tried, this many times. */
const portAttempts = 3;

/** QEMU's words for a port that is taken: user-mode network, monitor and gdb stub (slirp, net/slirp.c, io/channel-socket.c). */
const portTaken = /Could not set up host forwarding rule|Address already in use/;

/** QEMU opens its monitor before it sets up the machine: a start-up that takes longer is stuck. */
const monitorBudgetMs = 20_000;
/** A connection that is silent is given up so long before that: what is wrong with it says more than that time is over. */
const tellingMs = 500;
/** A refused connection costs 0.1 ms, and a restored machine is there within 40 ms. */
const monitorIntervalMs = 2;

/**
 * Runs the plan's program on ports of its own and waits until the machine is ready. A launch that fails has ended all
 * that it started before it throws.
 *
 * @throws BootFailure with the stages that were reached and a verdict in one line
 */
export async function launch(plan: LaunchPlan, options: LaunchOptions): Promise<QemuMachine> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launchOnce(plan, options);
    } catch (error) {
      const lostRace =
        error instanceof BootFailure && error.facts.consoleTail.some((line) => portTaken.test(line));
      if (!lostRace || attempt === portAttempts) throw error;
    }
  }
}

async function launchOnce(plan: LaunchPlan, options: LaunchOptions): Promise<QemuMachine> {
  const started = new UndoStack();
  try {
    const ports = await allocatePorts();
    started.defer(() => ports.release());
    const folder = await createRunFolder({ prefix: 'vm' });
    started.defer(() => folder.remove());

    const console = new Console({ logFile: options.consoleLog });
    const transcript = new Transcript();
    const stderr = new TextTail();
    const record = new BootRecord();
    options.onStarted?.({ program: 'QEMU', console, transcript, stderr, record });
    let process: OwnedProcess | undefined;
    let machine: QemuMachine | undefined;
    try {
      const { args, environment } = plan.invocation(plan, ports);
      process = await ownProcess({
        title: options.title,
        command: plan.program,
        args,
        cwd: plan.workingFolder ?? folder.path,
        env: { ...environment, ...plan.environment },
        monitorPort: ports.monitor,
      });
      const owned = process;
      record.reach(launcherStarted);
      stderr.listen(owned.stderr);
      const output = Promise.all([console.attach(owned.stdout), console.attach(owned.stderr)]);
      started.defer(async () => {
        await owned.stop();
        await output;
        console.close();
      });

      const subject = { title: options.title, console, exited: owned.exited };
      const signal = options.signal ? { signal: options.signal } : {};
      const place = monitorPlace(plan, ports.monitor, owned.pid, folder.path);
      const monitor = await firstAnswer(place, transcript, (strategy) =>
        waitUntilReady(strategy, { ...subject, ...signal }),
      );
      record.reach(programAlive('QEMU'));
      started.defer(() => monitor.close());
      machine = new QemuMachine({
        ...options,
        plan,
        ports,
        folder,
        console,
        output,
        process: owned,
        monitor,
        transcript,
      });
      if (plan.debug) await monitor.cont();
      if (options.prepare) {
        await options.prepare(machine);
        record.reach(restored);
      }
      const ready = unlessStalled(await options.until(machine), machine, options.stallMs);
      await waitUntilReady(ready, {
        ...subject,
        ...signal,
        onReached: (stage) => {
          record.reach(stage);
        },
      });
      record.end();
      return machine;
    } catch (error) {
      const { title, whereabouts } = options;
      throw await diagnose(error, {
        title,
        program: 'QEMU',
        plan,
        ports,
        record,
        console,
        stderr,
        process,
        machine,
        whereabouts,
      });
    }
  } catch (error) {
    await started.undo();
    throw error;
  }
}

/** Command lines are looked at so often: it takes some ms, and where the monitor is as agreed it is hardly ever needed. */
const lookMs = 200;

/** Where the monitor is: as the plan says, else as QEMU's own command line has it once it runs, until then at the agreed port. */
function monitorPlace(
  plan: LaunchPlan,
  port: number,
  launcher: number,
  runFolder: string,
): (look?: 'now') => MonitorEndpoint {
  let known: MonitorEndpoint | undefined = plan.monitor;
  let lookedAt = performance.now();
  return (look) => {
    if (known === undefined && (look === 'now' || performance.now() - lookedAt > lookMs)) {
      lookedAt = performance.now();
      const options = optionsOfQemu(launcher);
      known = options && findMonitor(options, port, plan.workingFolder ?? runFolder);
    }
    return known ?? { port };
  };
}

/**
 * The monitor's first connection. It takes one client at a time, so that a look whether the port is open would keep the real
 * client out for a moment: the connection that succeeds is the one that is kept.
 */
async function firstAnswer(
  place: (look?: 'now') => MonitorEndpoint,
  transcript: Transcript,
  wait: (strategy: WaitStrategy) => Promise<void>,
): Promise<Monitor> {
  let monitor: Monitor | undefined;
  const end = budgetClock.now() + monitorBudgetMs - tellingMs;
  const look = async (signal: AbortSignal): Promise<ProbeAnswer> => {
    const at = place();
    try {
      // A host on which a QEMU takes seconds to say its first word is slow, and no reason to end a boot.
      const deadlineMs = Math.max(end - budgetClock.now(), monitorIntervalMs);
      monitor = await connectMonitor({ ...at, transcript, deadlineMs, signal });
      return 'ready';
    } catch (error) {
      // Refused: not open yet. Reset: QEMU ends, and its end decides. Busy: it listens, and on a busy host is slow to greet.
      const early =
        error instanceof MonitorConnectError && ['ECONNREFUSED', 'ECONNRESET', 'ENOENT'].includes(error.code);
      if (early || error instanceof MonitorBusyError) return { saw: error.message };
      // Another service is there: QEMU's command line says whose port it is, and where the monitor is, if there is one.
      if (error instanceof MonitorGreetingError && !isDeepStrictEqual(place('now'), at))
        return { saw: error.message };
      throw error;
    }
  };
  await wait(
    forProbe(look, { awaited: 'the QEMU monitor', budgetMs: monitorBudgetMs, intervalMs: monitorIntervalMs }),
  );
  if (!monitor) throw new TypeError('a probe that was ready left no monitor');
  return monitor;
}
