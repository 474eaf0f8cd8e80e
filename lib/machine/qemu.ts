import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { InfrastructureError } from '../errors.js';

/** The absolute path of a QEMU, as the shell would find it. @throws InfrastructureError when there is none */
export async function findQemu(command: string): Promise<string> {
  if (command.includes('/')) return path.resolve(command);
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, command);
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return file;
  }
  throw new InfrastructureError(
    `There is no ${command} on the PATH: 'npm run e2e' installs it, or set E2E_QEMU.`,
  );
}

/** `7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)` */
export async function qemuVersion(qemu: string): Promise<string> {
  const { stdout } = await execa(qemu, ['--version']);
  return /version (.*)/.exec(stdout)?.[1] ?? stdout;
}
