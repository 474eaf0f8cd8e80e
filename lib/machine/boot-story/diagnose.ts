import { setTimeout as delay } from 'node:timers/promises';

import { budgetClock } from '../../host/budget/index.js';
import { MonitorError } from '../../monitor/index.js';
import type { Console } from '../console/index.js';
import type { Machine, MachineProgram, VcpuRegisters } from '../machine.js';
import type { OwnedProcess, ProcessExit } from '../ownership/index.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import type { PortPattern } from '../ports/index.js';
import { NotReadyError } from '../wait/index.js';
import { BootFailure } from './boot-failure.js';
import type { BootFacts, CpuPlace, Known } from './boot-facts.js';
import type { BootRecord } from './boot-record.js';
import { hostTrouble } from './host-trouble.js';
import { sshPortState } from './ssh-port.js';
import { StalledError } from './stalled-error.js';
import type { TextTail } from './text-tail.js';
import { usualState } from './usual-state.js';

/** Names where vCPUs are, in their order. Knows the guest's kernel, which a machine does not. */
export type Whereabouts = (machine: Machine, cpus: readonly VcpuRegisters[]) => Promise<readonly string[]>;

/** A launch that failed, with what there is of it at that moment. */
export interface FailedLaunch {
  readonly title: string;
  readonly program: MachineProgram;
  /** Of QEMU, which a script starts. */
  readonly plan?: LaunchPlan;
  readonly ports?: PortPattern;
  readonly record: BootRecord;
  readonly console: Console;
  readonly stderr: TextTail;
  readonly process: OwnedProcess | undefined;
  readonly machine: Machine | undefined;
  readonly whereabouts: Whereabouts | undefined;
}

/** How long a machine that hangs may be asked about itself. */
const askMs = 4_000;

/** At the registers of a machine that hangs. */
const looks = 7;

/** From QEMU's closing its sockets until it is reaped. */
const reapMs = 1_000;
/** For the rest of a panic to be printed. */
const lastWordsMs = 2_000;

/** The error of a launch as a story, told while what is left of the machine is still there to be asked. Never throws. */
export async function diagnose(error: unknown, launch: FailedLaunch): Promise<BootFailure> {
  const { title, program, plan, ports, record, console, stderr, process, machine } = launch;
  record.end();
  const details = error instanceof NotReadyError ? error.details : undefined;
  const root = error instanceof NotReadyError ? (error.cause ?? error) : error;
  const exit = details?.exit ?? (await endOf(process, root, program));
  if (details?.panic !== undefined) await lastWords(console);
  const awaitsSsh =
    details?.awaited.includes('ssh') === true && exit === undefined && details.panic === undefined;
  const gone = exit ? 'its process has ended' : 'the monitor never answered';
  const ask = async <T>(what: (machine: Machine) => Promise<T>): Promise<Known<T>> =>
    machine === undefined || exit ? { unknown: gone } : await within(what(machine), machine.pace);
  // A machine takes one question at a time; the rest goes on beside it.
  const [[status, cpus, registers], ssh, host] = await Promise.all([
    (async () =>
      [
        await ask((open) => open.status()),
        await ask((open) => placesOf(open, launch.whereabouts)),
        await ask((open) => open.registerDump()),
      ] as const)(),
    awaitsSsh && ports ? sshPortState(ports.ssh) : undefined,
    hostTrouble(plan, console, exit),
  ]);
  const facts: BootFacts = {
    title,
    program,
    stages: record.stages,
    elapsedMs: record.endedMs ?? record.elapsedMs,
    details,
    problem: (root instanceof Error ? root.message : String(root)).replace(/\.$/, ''),
    stall: root instanceof StalledError ? root.stall : undefined,
    exit,
    stderr: stderr.lines,
    consoleTail: console.tail.map(({ text }) => text),
    monitorPort: ports?.monitor,
    status,
    cpus,
    registers,
    ssh,
    host,
  };
  return new BootFailure(facts, { cause: error });
}

async function placesOf(machine: Machine, whereabouts: Whereabouts | undefined): Promise<CpuPlace[]> {
  const seen: (readonly VcpuRegisters[])[] = [];
  while (seen.length < looks) seen.push(await machine.registers());
  const cpus = usualState(seen);
  const bare = cpus.map(({ rip }) => `0x${rip.toString(16)}`);
  // Names are a help; without them the addresses still tell something.
  const places = whereabouts ? await whereabouts(machine, cpus).catch(() => bare) : bare;
  return cpus.map(({ cpu, halted }, index) => ({ cpu, halted, place: places[index] ?? bare[index] ?? '' }));
}

/** How the process ended, if it did: a connection that breaks off is mostly a symptom of that, seen a moment earlier. */
async function endOf(
  process: OwnedProcess | undefined,
  root: unknown,
  program: MachineProgram,
): Promise<ProcessExit | undefined> {
  const isSymptom = program === 'Bochs' ? !(root instanceof NotReadyError) : root instanceof MonitorError;
  if (!process || process.exit || !isSymptom) return process?.exit;
  return await Promise.race([process.exited, delay(reapMs, undefined)]);
}

/** A panic's trace and registers follow its first line. */
async function lastWords(console: Console): Promise<void> {
  const end = '---[ end Kernel panic';
  if (console.tail.some(({ text }) => text.includes(end))) return;
  const over = new AbortController();
  const seen = new Promise<void>((resolve) => {
    const stop = console.onLine(({ text }) => {
      if (text.includes(end)) resolve();
    });
    over.signal.addEventListener('abort', stop, { once: true });
  });
  const enough = delay(lastWordsMs, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([seen, console.ended(), enough]);
  over.abort();
}

/** What `work` gives, or why not; a machine that does not answer is not waited for. */
async function within<T>(work: Promise<T>, pace: number): Promise<Known<T>> {
  const deadline = budgetClock.signal(askMs * pace);
  const late = new Promise<Known<T>>((resolve) => {
    deadline.addEventListener('abort', () => {
      resolve({ unknown: `no answer within ${(askMs * pace) / 1000} s` });
    });
  });
  const answer = work.then(
    (value): Known<T> => ({ value }),
    (error: unknown): Known<T> => ({
      unknown: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
    }),
  );
  return await Promise.race([answer, late]);
}
