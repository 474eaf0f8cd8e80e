import { readdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';

import type { Environment } from '../../fixtures/environment.js';
import { inWorkshop } from '../../fixtures/stacks/in-workshop.js';
import { InfrastructureError } from '../../lib/errors.js';
import { UndoStack } from '../../lib/host/undo-stack.js';
import { findEngine } from '../../lib/image/docker/engine.js';
import type { Progress } from '../../lib/image/progress.js';
import { createRunFolder, describeExit, ownProcess, socketPath } from '../../lib/machine/ownership/index.js';
import { forProbe, waitUntilReady } from '../../lib/machine/wait/index.js';
import { apart } from './apart.js';
import { engineObstacle } from './obstacle.js';
import { enginePrograms } from './programs.js';

/** A container engine that nobody else uses, and that ends with this process. */
export interface PrivateEngine extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** The unpacked programs of the engine, its command-line client among them. */
  readonly programs: string;
  /** Everything that it keeps: socket, images, containers. */
  readonly folder: string;
}

/** Containers' cgroups are made below this; the kernel keeps empty ones until somebody removes them. */
const cgroupName = 'opentdx-e2e-engine';

/** Unpacking nothing, it takes 1 s. */
const startBudgetMs = 120_000;

/**
 * Starts Debian's engine on a socket in a folder of this run, without installing it: in namespaces that end with it, so that neither
 * processes nor mounts nor files stay behind, even after SIGKILL of this process. Needs root, for mounts.
 *
 * @param options.size the most memory that images and containers may take, as a tmpfs has it: `64m`, `6g`, `75%` of the host's
 * @throws InfrastructureError when the host does not let one run, or the engine does not answer
 */
export async function startPrivateEngine(
  environment: Environment,
  progress: Progress,
  { size = '6g' } = {},
): Promise<PrivateEngine> {
  const obstacle = await engineObstacle();
  if (obstacle !== undefined) {
    throw new InfrastructureError(
      `No private engine can run here: ${obstacle}. Start an engine of your own and set DOCKER_HOST.`,
    );
  }
  const undo = new UndoStack();
  try {
    const folder = await createRunFolder({ prefix: 'engine' });
    undo.defer(() => folder.remove());
    const programs = await inWorkshop(environment, progress, enginePrograms);
    await removeEmptyCgroups();
    undo.defer(removeEmptyCgroups);

    await writeFile(path.join(folder.path, 'daemon.json'), '{}\n');
    const socket = socketPath(folder.path, 'docker.sock');
    const engine = await ownProcess({
      title: 'The private container engine',
      ...apart(folder.path, size, engineCommand(folder.path, programs)),
      stop: { termMs: 10_000, killMs: 5_000 },
    });
    undo.defer(() => engine.stop());
    const log: string[] = [];
    for (const stream of [engine.stdout, engine.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.push(line);
        if (log.length > 40) log.shift();
      });
    }
    const host = `unix://${socket}`;
    const answers = forProbe(
      async () =>
        await findEngine([{ host, source: 'this run' }]).then(
          () => 'ready' as const,
          (error: unknown) => ({ saw: String(error) }),
        ),
      { awaited: 'an answer on its socket', budgetMs: startBudgetMs, intervalMs: 100 },
    );
    await waitUntilReady(answers, { title: engine.title, exited: engine.exited }).catch((error: unknown) => {
      const end = engine.exit ? ` It ended: ${describeExit(engine.exit)}.` : '';
      throw new InfrastructureError(
        `The private container engine did not start.${end} 'scripts/setup.sh docker' installs the libraries that it needs. Its last lines:\n${log.join('\n')}`,
        { cause: error },
      );
    });
    return { host, programs, folder: folder.path, [Symbol.asyncDispose]: () => undo.undo() };
  } catch (error) {
    await undo.undo();
    throw error;
  }
}

/**
 * No network is set up: containers use the host's, or none. With systemd's driver of cgroups, the default where systemd runs, their parent
 * would have to be a slice of the host's.
 */
function engineCommand(folder: string, programs: string): string[] {
  const bin = path.join(programs, 'usr/bin');
  const sbin = path.join(programs, 'usr/sbin');
  const daemon = [
    path.join(sbin, 'dockerd'),
    `--config-file=${folder}/daemon.json`,
    `--host=unix://${folder}/docker.sock`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/docker.pid`,
    '--exec-opt=native.cgroupdriver=cgroupfs',
    `--cgroup-parent=/${cgroupName}`,
    '--storage-driver=overlay2',
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
    '--userland-proxy=false',
  ];
  const search = `PATH=${bin}:${sbin}:${process.env.PATH ?? ''}`;
  // tini is the first process of the namespace and reaps what the engine's shims leave.
  return ['env', search, path.join(bin, 'tini'), '--', ...daemon];
}

/** Removes what containers of ended engines left; a cgroup in which a process lives cannot be removed. */
async function removeEmptyCgroups(): Promise<void> {
  const hierarchies = await readdir('/sys/fs/cgroup').catch(() => []);
  for (const parent of ['', ...hierarchies]) {
    const folder = path.join('/sys/fs/cgroup', parent, cgroupName);
    const below = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const folders = below.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(folder, name));
    for (const each of [...folders, folder]) await rmdir(each).catch(() => undefined);
  }
}
