import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { IdentityFileError } from './errors.js';

/**
 * Reads a private key file. One that is open to others than its owner is refused, as ssh refuses it.
 *
 * @throws {IdentityFileError} it is not there, is no file, cannot be read, is open to others, or holds no private key without a passphrase.
 */
export async function readIdentityFile(path: string): Promise<ParsedKey> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new IdentityFileError(
      `The identity file ${path} is not there. Build the guest image first, or name another key.`,
      { cause },
    );
  });
  if (!found.isFile())
    throw new IdentityFileError(`The identity file ${path} is not a file: name a private key.`);
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
  // A list where the format has room for several keys, which its type does not say.
  const parsed = ssh2.utils.parseKey(await readFile(path)) as ParsedKey | ParsedKey[] | Error;
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error || !key?.isPrivateKey()) {
    const why = key instanceof Error ? key.message : 'it holds no private key';
    throw new IdentityFileError(
      `The identity file ${path} cannot be used: ${why}. A private key without a passphrase is needed.`,
    );
  }
  return key;
}
