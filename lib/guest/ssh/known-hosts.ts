import { readFile } from 'node:fs/promises';
import { InfrastructureError } from '../../errors.js';

/** The name under which a guest's host key stands in a known-hosts file, whatever its port: `opentdx-guest ssh-ed25519 AAAA…`. */
export const GUEST_HOST_KEY_ALIAS = 'opentdx-guest';

/**
 * The guest's host keys in a known-hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), as they travel (RFC 4253, section 6.6).
 *
 * @throws {InfrastructureError} there is no such file, or none of its lines is for {@link GUEST_HOST_KEY_ALIAS}.
 */
export async function knownHostKeys(file: string): Promise<readonly Buffer[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new InfrastructureError(
      `The known-hosts file ${file} cannot be read. Build the guest image anew.`,
      {
        cause,
      },
    );
  });
  const keys = text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([name]) => name === GUEST_HOST_KEY_ALIAS)
    .map(([, , key = '']) => Buffer.from(key, 'base64'));
  if (keys.length === 0) {
    throw new InfrastructureError(
      `The known-hosts file ${file} has no line for ${GUEST_HOST_KEY_ALIAS}. Build the guest image anew.`,
    );
  }
  return keys;
}
