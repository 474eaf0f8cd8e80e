import { loadavg } from 'node:os';
import path from 'node:path';

import { readEnvironment } from '../../fixtures/environment.js';
import { eptImage, eptOptions, startEpt, startL2 } from '../../fixtures/stacks/ept.js';
import { missingParts } from '../../lib/bochs/index.js';
import { InfrastructureError } from '../../lib/errors.js';
import { loadKvmIntel } from '../../lib/guest/l2/kvm-intel.js';
import type { EptImage } from '../../lib/image/ept-image.js';
import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { median, rounded } from './statistics.js';

const hlt = Uint8Array.of(0xf4);

interface Start {
  readonly bootMs: number;
  readonly firstExitMs: number;
}

/**
 * Cold starts of the machine under Bochs, its image built before. Medians in milliseconds from the start of Bochs: `bootMs` until the
 * guest (L1) answers, `firstExitMs` until KVM in it was loaded, a VM (L2) of one HLT was made and run, and its exit was told.
 */
export async function ept(runs: number): Promise<object> {
  const missing = await missingParts();
  if (missing.length > 0) {
    throw new InfrastructureError(
      `Bochs is not installed here (no ${missing.join(', ')}): scripts/setup.sh ept installs it`,
    );
  }
  const image = await eptImage(readEnvironment(process.env), (line) => {
    console.error(line);
  });
  await using folder = await createRunFolder({ prefix: 'bench' });
  const starts: Start[] = [];
  for (let run = 0; run < runs; run += 1)
    starts.push(await firstExit(image, path.join(folder.path, 'console.log')));
  const firstExitMs = starts.map((start) => start.firstExitMs);
  return {
    metric: 'ept',
    bootMs: rounded(median(starts.map(({ bootMs }) => bootMs))),
    firstExitMs: rounded(median(firstExitMs)),
    runs: firstExitMs.map(rounded),
    load: rounded(loadavg()[0] ?? 0),
  };
}

async function firstExit(image: EptImage, consoleLog: string): Promise<Start> {
  const begin = performance.now();
  const { machine, guest, start } = await startEpt(image, {
    title: 'The EPT machine',
    consoleLog,
    machineOptions: eptOptions,
  });
  try {
    await loadKvmIntel(guest);
    const l2 = await startL2(machine, guest);
    const buffer = await l2.alloc({ pages: 1 });
    await l2.setSlot(0, { gpa: 0n, buffer });
    await l2.write(buffer.address, hlt);
    await l2.enter({ rip: 0n });
    const exits = await l2.run();
    const firstExitMs = performance.now() - begin;
    if (exits[0]?.exit !== 'hlt') {
      throw new InfrastructureError(`An L2 of one HLT came out for another reason: ${JSON.stringify(exits)}`);
    }
    return { bootMs: start.ms, firstExitMs };
  } finally {
    await machine.stop();
  }
}
