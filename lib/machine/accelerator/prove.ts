import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { budgetClock } from '../../host/budget/index.js';
import { stripControlCodes } from '../../text/index.js';
import {
  cpuMsOfSession,
  createRunFolder,
  describeExit,
  ownProcess,
  type ProcessExit,
} from '../ownership/index.js';
import { bootDisk, exitPort, ranToItsEnd } from './boot-sector.js';

/** The machine that the accelerator is to run. */
export interface ProofMachine {
  /** The QEMU binary: a path, or a name in PATH. */
  qemu: string;
  /** As for `-machine`, without `accel=`: for example `q35,kernel-irqchip=split`. */
  machine: string;
  /** As for `-cpu`. */
  cpu: string;
  /** Further options that the accelerator may depend on, such as `-device intel-iommu,…` or `-bios …`. */
  extraArguments?: readonly string[];
}

export type Proof =
  | { readonly ran: true; readonly tookMs: number }
  /** `spun`: the guest used up its CPU time. */
  | { readonly ran: false; readonly why: string; readonly spun?: true };

/** When to give up on the guest, in milliseconds. */
export interface ProofBudget {
  /** By the clock, for a guest that waits for ever: a cold or busy host takes long, and is not to be accused. */
  readonly wallMs: number;
  /** Of CPU time, for a guest that spins: a host that waits for its disk or for a turn uses none. Default: no limit. */
  readonly cpuMs?: number;
}

/** How often the CPU time is read. */
const sampleMs = 100;

/** QEMU's messages are read to here. */
const longestMessage = 8_192;

/**
 * Boots a disk of a few bytes of code under the accelerator, with the firmware, CPU model and machine options given, and sees
 * whether that code ran to its end. Takes about 0.1 s where it does, and the budget where the guest hangs.
 *
 * @throws ProcessStartError when there is no such QEMU
 */
export async function proveAccelerator(
  accel: 'kvm' | 'tcg',
  { qemu, machine, cpu, extraArguments = [] }: ProofMachine,
  { wallMs, cpuMs = Infinity }: ProofBudget,
): Promise<Proof> {
  await using folder = await createRunFolder({ prefix: 'accel' });
  const begin = performance.now();
  const begun = budgetClock.now();
  const disk = join(folder.path, 'boot.img');
  await writeFile(disk, bootDisk());
  await using process = await ownProcess({
    title: `QEMU trying ${accel}`,
    command: qemu,
    args: [
      ...['-accel', accel, '-machine', machine, '-cpu', cpu, '-m', '64M'],
      ...['-nodefaults', '-display', 'none', '-no-reboot', ...extraArguments],
      ...['-device', `isa-debug-exit,iobase=${exitPort},iosize=4`],
      ...['-drive', `file=${disk.replaceAll(',', ',,')},format=raw`],
    ],
    // An abort's core file is to go where it is removed.
    cwd: folder.path,
  });
  let messages = '';
  process.stdout.resume();
  process.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages = (messages + text).slice(0, longestMessage);
  });
  const closed = new Promise((resolve) => process.stderr.once('close', resolve));
  let exit: ProcessExit | undefined;
  for (;;) {
    const over = new AbortController();
    const sample = delay(sampleMs, undefined, { signal: over.signal }).catch(() => undefined);
    exit = await Promise.race([process.exited, sample]);
    over.abort();
    if (exit) break;
    if (cpuMsOfSession(process.pid) > cpuMs)
      return { ran: false, spun: true, why: unfinished(cpuMs, ' of CPU time') };
    if (budgetClock.now() - begun > wallMs) return { ran: false, why: unfinished(wallMs) };
  }
  if (exit.exitCode === ranToItsEnd) return { ran: true, tookMs: performance.now() - begin };
  await closed;
  return { ran: false, why: whyItEnded(exit, messages) };
}

function whyItEnded(exit: ProcessExit, messages: string): string {
  const lines = stripControlCodes(messages).split('\n');
  const telling = lines.find((line) => line.trim() !== '' && !line.includes(': warning: ')) ?? '';
  const message = telling.replace(/^\S*qemu\S*: /, '').slice(0, 200);
  return `QEMU ended with ${describeExit(exit)}${message === '' ? '' : `: ${message}`}`;
}

function unfinished(ms: number, ofWhat = ''): string {
  return `a guest of a few instructions did not finish within ${Number((ms / 1000).toFixed(1))} s${ofWhat}`;
}
