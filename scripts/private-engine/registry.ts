import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { UndoStack } from '../../lib/host/undo-stack.js';
import type { Progress } from '../../lib/image/progress.js';
import { createRunFolder, ownerEnvironment, ownProcess } from '../../lib/machine/ownership/index.js';
import { forProbe, waitUntilReady } from '../../lib/machine/wait/index.js';
import { registryPackages, unpackedPackages } from './programs.js';

/** A registry of images that ends with this process. */
export interface PrivateRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`: what names of its images begin with. Engines ask for no TLS at this address. */
  readonly address: string;
}

const startBudgetMs = 60_000;

/**
 * Starts Debian's registry on a free port of 127.0.0.1, without installing it; its images are in a folder of this run.
 *
 * @throws InfrastructureError when it ends before it listens, or does not listen
 */
export async function startPrivateRegistry(cache: string, progress: Progress): Promise<PrivateRegistry> {
  const undo = new UndoStack();
  try {
    const folder = await createRunFolder({ prefix: 'registry' });
    undo.defer(() => folder.remove());
    const workshop = { folder: folder.path, environment: await ownerEnvironment() };
    const programs = await unpackedPackages(registryPackages, { cache, workshop, progress });
    const settings = path.join(folder.path, 'registry.json');
    // JSON is YAML. The kernel chooses the port, and the log tells it: none is free in vain.
    const storage = { filesystem: { rootdirectory: path.join(folder.path, 'images') } };
    await writeFile(settings, JSON.stringify({ version: 0.1, storage, http: { addr: '127.0.0.1:0' } }));
    const registry = await ownProcess({
      title: 'The private registry',
      command: path.join(programs, 'usr/bin/docker-registry'),
      args: ['serve', settings],
      stop: { termMs: 5_000, killMs: 5_000 },
    });
    undo.defer(() => registry.stop());
    registry.stdout.resume();
    let last = '';
    let address: string | undefined;
    createInterface({ input: registry.stderr }).on('line', (line) => {
      last = line;
      address ??= /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    });
    const listens = forProbe(() => Promise.resolve(address === undefined ? { saw: last } : 'ready'), {
      awaited: 'a line with its address',
      budgetMs: startBudgetMs,
      intervalMs: 50,
    });
    await waitUntilReady(listens, registry);
    return { address: address ?? '', [Symbol.asyncDispose]: () => undo.undo() };
  } catch (error) {
    await undo.undo();
    throw error;
  }
}
