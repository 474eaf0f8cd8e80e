import path from 'node:path';

import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

/** Where the project's own tools and modules are in a guest that was not built by the project; on a tmpfs, so that its disk has nothing of them. */
export const broughtFolder = '/run/opentdx-e2e';

/** For shell scripts in a guest: its commands are the project's where they were brought, whatever else is on the PATH. */
export const withBroughtTools = `PATH="${broughtFolder}:$PATH"`;

/** /run itself is mounted noexec on Debian. */
const mount = `mkdir -p "$1" && { mountpoint -q "$1" || mount -t tmpfs -o mode=755 tmpfs "$1"; }`;

/**
 * Brings programs, scripts or modules into a guest that does not have them.
 *
 * @param files paths on the host; in the guest each is called as it is here
 */
export async function bringTools(guest: GuestShell, files: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await guest.shell(mount, {}, broughtFolder);
  if (exitCode !== 0)
    throw new InfrastructureError(`No place for the project's tools in the guest: ${stderr.trim()}`);
  for (const file of files)
    await guest.upload(file, `${broughtFolder}/${path.basename(file)}`, { mode: 0o755 });
}
