import ssh2 from 'ssh2';

import { type ArchiveEntry, cpioArchive } from './cpio.js';

/** Keys of one guest: made when it is built, and nowhere else. */
export interface GuestKeys {
  /** The private key that the guest's root accepts, in OpenSSH's format. */
  readonly identity: string;
  /** A line of known_hosts: the guest's host key under the alias that lib/guest/ssh gives to every guest, as ports differ. */
  readonly knownHosts: string;
  /** A cpio archive with what the guest has of them, to be appended to an initramfs. */
  readonly archive: Buffer;
}

const comment = 'opentdx-e2e reference guest';
/** The names and lengths are of OpenSSH's and dropbear's formats: RFC 8709, PROTOCOL.key, dropbear's ed25519.c. */
const keyType = 'ssh-ed25519';
const keyLength = 32;

/** RSA for root: an emulated guest verifies its signature 10 ms faster than one by Ed25519. */
export function makeGuestKeys(): GuestKeys {
  const identity = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048, comment });
  const host = ssh2.utils.generateKeyPairSync('ed25519');
  const entries: ArchiveEntry[] = [
    ...['root', 'root/.ssh'].map((path) => ({ path, mode: 0o700 })),
    { path: 'root/.ssh/authorized_keys', mode: 0o600, data: Buffer.from(`${identity.public}\n`) },
    ...['etc', 'etc/dropbear'].map((path) => ({ path })),
    { path: 'etc/dropbear/host_key', mode: 0o600, data: dropbearKey(host.private) },
  ];
  const hostKey = host.public.split(' ').slice(0, 2).join(' ');
  return {
    identity: identity.private,
    knownHosts: `opentdx-guest ${hostKey}\n`,
    archive: cpioArchive(entries),
  };
}

/**
 * An Ed25519 key as dropbear reads it: its type, then the private and the public half in one. OpenSSH's file has the same two, the public
 * one first (PROTOCOL.key, section 3).
 */
function dropbearKey(openssh: string): Buffer {
  const bytes = Buffer.from(openssh.replace(/-----[^-]*-----|\s/g, ''), 'base64');
  const name = sshString(Buffer.from(keyType));
  // Once in the public part, once before the private key: type, 32 bytes, then 64, of which the second half is the public key again.
  const start = bytes.lastIndexOf(name) + name.length + (4 + keyLength);
  const halves = bytes.subarray(start, start + 4 + 2 * keyLength);
  if (halves.length !== 4 + 2 * keyLength || halves.readUInt32BE() !== 2 * keyLength)
    throw new TypeError('the Ed25519 key that was made is not in the format of OpenSSH');
  return Buffer.concat([name, halves]);
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
