import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { IdentityFileError } from './errors.js';

/**
 * Checks a private key file as ssh does, which would otherwise only say 'Permission denied' later.
 *
 * @throws {IdentityFileError} it is not there, is no file, cannot be read, or is open to others than its owner.
 */
export async function checkIdentityFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new IdentityFileError(
      `The identity file ${path} is not there. Build the guest image first, or name another key.`,
      { cause },
    );
  });
  if (!found.isFile()) throw new IdentityFileError(`The identity file ${path} is not a file.`);
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw new IdentityFileError(
      `The identity file ${path} cannot be read by this user (uid ${process.getuid?.() ?? '?'}).`,
      { cause },
    );
  });
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
    throw new IdentityFileError(
      `The identity file ${path} has mode ${mode}; ssh refuses a private key that others may read. Run: chmod 600 '${path}'`,
    );
  }
}
