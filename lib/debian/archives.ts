import path from 'node:path';

import { execa } from 'execa';

import { findCommand } from '../host/find-command.js';
import type { ArchiveName } from './package.js';

/** Where Debian's packages come from; see docs/reference.md, "Environment". */
export interface ArchiveSettings {
  /** `E2E_DEBIAN_ARCHIVE`: has the archives `debian` and `debian-security` below it; undefined: the host's own, or Debian's. */
  readonly base: string | undefined;
  /** `E2E_DEBIAN_SNAPSHOT`: an archive of old versions, laid out as Debian's public one. */
  readonly snapshot: string;
  /** `E2E_DEBIAN_KEYRING`: the keys that an archive's index must be signed with. */
  readonly keyring: string;
}

const publicBase = 'http://deb.debian.org';
/** Debian's public archive of all versions that there ever were. */
export const publicSnapshot = 'https://snapshot.debian.org';
/** The keys of Debian's archives, as its package debian-archive-keyring has them. */
export const debianKeyring = path.resolve(
  import.meta.dirname,
  '../../images/packages/debian-archive-keyring.gpg',
);
const hostArchive = /^(\S+?)\/? (?:bookworm|trixie|forky|sid|stable|oldstable|testing|unstable)(\S*) main$/;

/**
 * The addresses of Debian's archives, without a slash at the end: the setting's, else those that this host's own apt has (a mirror near
 * it, or one inside its network), else Debian's. The only place that decides this.
 */
export async function archiveAddresses({ base }: ArchiveSettings): Promise<Record<ArchiveName, string>> {
  const below = base?.replace(/\/+$/, '') ?? publicBase;
  const addresses = { debian: `${below}/debian`, 'debian-security': `${below}/debian-security` };
  return base === undefined ? { ...addresses, ...(await hostAddresses()) } : addresses;
}

/** `apt-get indextargets` says what is in the host's sources, whether or not its lists are there. */
async function hostAddresses(): Promise<Partial<Record<ArchiveName, string>>> {
  if ((await findCommand('apt-get')) === undefined) return {};
  const format = ['--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'];
  const { stdout } = await execa('apt-get', ['indextargets', ...format], {
    reject: false,
    stdin: 'ignore',
    env: { LC_ALL: 'C' },
  });
  return hostAddressesIn(stdout);
}

/** @param targets lines `ADDRESS SUITE COMPONENT`; other distributions' archives have other suites */
export function hostAddressesIn(targets: string): Partial<Record<ArchiveName, string>> {
  const found: Partial<Record<ArchiveName, string>> = {};
  for (const line of targets.split('\n')) {
    const [, address, suffix = ''] = hostArchive.exec(line) ?? [];
    if (address === undefined || suffix.includes('backports')) continue;
    const name =
      suffix.startsWith('-security') || suffix.startsWith('/updates') ? 'debian-security' : 'debian';
    found[name] ??= address;
  }
  return found;
}

/** Where an archive of old versions has what an archive had at a time: `SNAPSHOT/archive/debian/20261128T210000Z`. */
export function snapshotAddress({ snapshot }: ArchiveSettings, archive: ArchiveName, taken: string): string {
  return `${snapshot.replace(/\/+$/, '')}/archive/${archive}/${taken}`;
}
