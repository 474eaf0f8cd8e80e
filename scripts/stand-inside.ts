import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { waysInto } from '../fixtures/evidence/pause.js';
import type { GuestAccess } from '../fixtures/stacks/stack.js';
import { sshCommand } from '../lib/guest/ways-in.js';
import type { Guest } from '../lib/guest/command-shell.js';
import type { Machine } from '../lib/machine/machine.js';

/** ssh's own exit status: its connection came to nothing. */
const noConnection = 255;
let inside = false;

// From the moment when this is loaded, so that it is this that decides how it ends.
const asked = new Promise<'asked'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // What is still being started ends with this process: see lib/machine/ownership.
      if (!inside) process.exit(130);
      resolve('asked');
    });
});

export interface Stay {
  readonly machine: Machine;
  readonly guest: Guest;
  readonly access: GuestAccess | undefined;
  /** What is to be said before the ways in. */
  readonly headline: string;
  /** Whether a shell in the guest would answer. */
  readonly answers: boolean;
}

/**
 * Leaves a machine to a person: says the ways in and, where there is a terminal, gives a shell in the guest. Returns when that shell ends, at
 * Ctrl-C, or when the pipe that was given as input ends. A guest without ssh has a shell for what comes by a pipe, too.
 *
 * @throws what the machine died of
 */
export async function standInside({ machine, guest, access, headline, answers }: Stay): Promise<void> {
  const died = new Promise<'died'>((resolve) => {
    machine.died.addEventListener('abort', () => {
      resolve('died');
    });
  });
  const waysIn = await waysInto(machine, access);
  if (access) {
    await machine.gdb.open();
    // The monitor takes one client at a time, and that is not to be this process.
    await guest.close();
    await machine.monitor.close();
  }
  inside = true;
  const terminal = process.stdin.isTTY && access !== undefined && answers;
  const way = terminal
    ? 'The end of this shell ends it.'
    : `${access ? '' : 'Lines that are typed here, or come by a pipe, are for a shell in it. '}Ctrl-C ends it.`;
  console.log([headline, waysIn, way].join('\n'));
  const over = terminal
    ? shell(sshCommand(access, machine.ports.ssh))
    : access
      ? inputsEnd()
      : lineShell(guest);
  const end = await Promise.race([asked, died, over]);
  // An input that is still open would keep this process.
  process.stdin.destroy();
  if (end === 'died') throw machine.died.reason;
}

/** Resolves when somebody has left the shell. */
async function shell([ssh = '', ...args]: readonly string[]): Promise<'left'> {
  const child = spawn(ssh, args, { stdio: 'inherit' });
  void asked.then(() => child.kill());
  const code = await new Promise<number | null>((resolve) => {
    child.on('exit', resolve).on('error', () => {
      resolve(noConnection);
    });
  });
  if (code !== noConnection) return 'left';
  console.log('The shell has lost its guest. The machine is still there: Ctrl-C ends it.');
  return await new Promise(() => undefined);
}

/** A shell of a guest that is spoken to in lines: it has no terminal. Resolves when the shell, or the input, has ended. */
async function lineShell(guest: Guest): Promise<'left'> {
  if (!process.stdin.isTTY && !isPipe()) return await new Promise(() => undefined);
  // What it says of a mistake belongs between what it prints.
  const sh = await guest.spawn(['sh', '-c', 'exec sh 2>&1']);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      // A line for a shell that is over: the end of its output tells.
      sh.writeLine(line).catch(() => undefined);
    })
    .on('close', () => {
      sh.closeStdin();
    });
  for await (const line of sh) console.log(line);
  return 'left';
}

/** Of a pipe. Where the input is anything else, nobody says anything by it. */
async function inputsEnd(): Promise<'ended'> {
  return await new Promise((resolve) => {
    if (!isPipe()) return;
    process.stdin.resume().on('end', () => {
      resolve('ended');
    });
  });
}

function isPipe(): boolean {
  const input = fstatSync(0);
  return input.isFIFO() || input.isSocket();
}
