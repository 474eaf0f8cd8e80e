import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { apart } from './apart.js';

const run = promisify(execFile);
const probeMs = 60_000;

/** What an engine does that unprivileged containers and sandboxes refuse: cgroups with controllers, and an overlay in the folder of its images. */
const probe = `set -eu
  cgroups=/sys/fs/cgroup
  [ -e $cgroups/cgroup.procs ] || cgroups=$cgroups/devices
  mkdir "$cgroups/opentdx-e2e-probe-$$"
  rmdir "$cgroups/opentdx-e2e-probe-$$"
  [ ! -e $cgroups/cgroup.subtree_control ] || echo +pids >$cgroups/cgroup.subtree_control
  cd "$1/data"
  mkdir lower upper work merged
  mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged`;

/** Why no private engine can run on this host, tried as the engine would; undefined if one can. */
export async function engineObstacle(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'an engine of its own needs root, as it mounts file systems';
  await using folder = await createRunFolder({ prefix: 'probe' });
  const { command, args } = apart(folder.path, '1m', ['sh', '-c', probe, 'sh', folder.path]);
  return await run(command, args, { timeout: probeMs }).then(
    () => undefined,
    (error: unknown) => {
      // Its last line is what whoever refused said.
      const words = (error as Error).message.trim().split('\n').at(-1) ?? '';
      return `this host refuses what an engine of its own does: ${words}`;
    },
  );
}
