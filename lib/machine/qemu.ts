import { execa } from 'execa';

import { InfrastructureError } from '../errors.js';
import { findCommand } from '../host/find-command.js';
import { ownCommand } from '../text/index.js';

/** The absolute path of a QEMU, as the shell would find it. @throws InfrastructureError when there is none */
export async function findQemu(command: string): Promise<string> {
  const file = await findCommand(command);
  if (file !== undefined) return file;
  const where = command.includes('/') ? 'that can be run' : 'on the PATH';
  throw new InfrastructureError(
    `There is no ${command} ${where}: '${ownCommand('test')}' installs QEMU, or set E2E_QEMU to the path of one.`,
  );
}

/** `7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)`. @throws InfrastructureError when it is no QEMU */
export async function qemuVersion(qemu: string): Promise<string> {
  const { stdout, shortMessage } = await execa(qemu, ['--version'], { reject: false, timeout: 10_000 });
  const version = /QEMU.* version (.*)/.exec(stdout)?.[1];
  if (version === undefined) {
    const seen = shortMessage ?? `'${qemu} --version' says ${JSON.stringify(stdout.slice(0, 100))}`;
    throw new InfrastructureError(
      `${qemu} is no QEMU that runs here: ${seen}. Set E2E_QEMU to the path of one.`,
    );
  }
  return version;
}
