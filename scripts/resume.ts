/**
 * `npm run resume -- KEPT_MACHINE`: starts a machine that a failed test left under `E2E_KEEP=failed` exactly where it stood, and says how
 * to get in. Ends it, with nothing left, at Ctrl-C.
 */
import { rename } from 'node:fs/promises';
import path from 'node:path';

import { readEnvironment } from '../fixtures/environment.js';
import { launchGuest } from '../fixtures/vm/boot.js';
import { InfrastructureError } from '../lib/errors.js';
import type { GuestShell } from '../lib/guest/ssh/index.js';
import { writeSymbolFile } from '../lib/guest/symbols/index.js';
import { describeWaysIn } from '../lib/guest/ways-in.js';
import { openKept } from '../lib/machine/kept/index.js';
import type { Machine } from '../lib/machine/machine.js';
import { createRunFolder } from '../lib/machine/ownership/index.js';
import { findQemu } from '../lib/machine/qemu.js';
import { loadWhole, SnapshotRefusedError, wholeStateName } from '../lib/machine/snapshot/index.js';
import { readCommandLine, refuse } from './command-line.js';

const usage =
  'usage: npm run resume -- KEPT_MACHINE     a kept-machine.tar of a test that failed under E2E_KEEP=failed';
/** A guest that hung when it was kept hangs now. */
const answerMs = 20_000;

const { positionals } = readCommandLine(usage, { allowPositionals: true });
const [file, ...more] = positionals;
if (file === undefined || more.length > 0) refuse(usage, 'One kept machine.');

// Before anything is started, so that it is this that decides how it ends.
const asked = new Promise<'asked'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      resolve('asked');
    });
});
try {
  process.exitCode = await resume(file);
} catch (error) {
  if (!(error instanceof InfrastructureError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** The exit code. */
async function resume(kept: string): Promise<number> {
  await using folder = await createRunFolder({ prefix: 'kept' });
  const qemu = await findQemu(readEnvironment(process.env).qemu);
  const { manifest, plan, state, identityFile, knownHostsFile, doubt } = await openKept(
    kept,
    folder.path,
    qemu,
  );
  const { title, user, running } = manifest;
  const access = { user, identityFile, ...(knownHostsFile === undefined ? {} : { knownHostsFile }) };
  const { machine, guest } = await launchGuest({ access }, plan, {
    title,
    consoleLog: path.join(folder.path, 'console.log'),
    prepare: async (launched) => {
      await rename(state, path.join(launched.runFolder, wholeStateName));
      await loadWhole(launched.monitor).catch((error: unknown) => {
        if (!(error instanceof SnapshotRefusedError) || doubt === undefined) throw error;
        throw new InfrastructureError(`${error.message} (${doubt})`, { cause: error });
      });
      if (running) await launched.monitor.cont();
    },
    // Whether its guest answers is what somebody wants to find out.
    until: () => ({ awaited: 'nothing more', until: () => Promise.resolve() }),
  });
  try {
    const answer = await guestState(guest, running);
    const symbolFile = await writeSymbolFile(machine);
    await machine.gdb.open();
    await leave(machine, guest);
    const { ports } = machine;
    console.log(
      [
        `${title} as '${manifest.test}' left it (saved ${manifest.savedAt}; QEMU ${manifest.qemu}, process ${machine.pid}). ${answer}`,
        describeWaysIn({ ports, user, identityFile, knownHostsFile, symbolFile }),
        'Ctrl-C ends it.',
      ].join('\n'),
    );
    const died = new Promise<'died'>((resolve) => {
      machine.died.addEventListener('abort', () => {
        resolve('died');
      });
    });
    if ((await Promise.race([asked, died])) === 'asked') return 0;
    throw machine.died.reason;
  } finally {
    await machine.stop();
  }
}

async function guestState(guest: GuestShell, running: boolean): Promise<string> {
  if (!running)
    return "It stood still when it was saved, and does so now: 'cont' in the monitor lets it run.";
  const answer = await guest.probe({ timeoutMs: answerMs });
  return answer.answers
    ? 'Its guest answers.'
    : `Its guest does not answer (${answer.reason}: ${answer.seen}).`;
}

/** The monitor takes one client at a time, and that is not to be this process. */
async function leave(machine: Machine, guest: GuestShell): Promise<void> {
  await guest.close();
  await machine.monitor.close();
}
