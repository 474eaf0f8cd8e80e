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
import { openKept } from '../lib/machine/kept/index.js';
import { createRunFolder } from '../lib/machine/ownership/index.js';
import { findQemu } from '../lib/machine/qemu.js';
import { loadWhole, SnapshotRefusedError, wholeStateName } from '../lib/machine/snapshot/index.js';
import { readCommandLine, refuse } from './command-line.js';
import { standInside } from './stand-inside.js';
import { usages } from './usages.js';

/** A guest that hung when it was kept hangs now. */
const answerMs = 20_000;

const { positionals } = readCommandLine(usages.resume, { allowPositionals: true });
const [file, ...more] = positionals;
if (file === undefined || more.length > 0) refuse(usages.resume, 'One kept machine.');

try {
  await resume(file);
} catch (error) {
  if (!(error instanceof InfrastructureError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function resume(kept: string): Promise<void> {
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
    const { answers, state: seen } = await guestState(guest, running);
    const headline = `${title} as '${manifest.test}' left it (saved ${manifest.savedAt}; QEMU ${manifest.qemu}, process ${machine.pid}). ${seen}`;
    await standInside({ machine, guest, access, headline, answers });
  } finally {
    await machine.stop();
  }
}

async function guestState(
  guest: GuestShell,
  running: boolean,
): Promise<{ readonly answers: boolean; readonly state: string }> {
  if (!running) {
    const state = "It stood still when it was saved, and does so now: 'cont' in the monitor lets it run.";
    return { answers: false, state };
  }
  const answer = await guest.probe({ timeoutMs: answerMs });
  if (answer.answers) return { answers: true, state: 'Its guest answers.' };
  return { answers: false, state: `Its guest does not answer (${answer.reason}: ${answer.seen}).` };
}
