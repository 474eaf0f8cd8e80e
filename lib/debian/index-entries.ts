import type { IndexedPackage } from './kernel-set.js';
import type { ArchiveName, DebianPackage } from './package.js';

/** A version of a package, and the suite whose index has it. */
export interface IndexEntry extends IndexedPackage {
  readonly suite: string;
}

/** Parses `apt-cache madison`: lines `NAME | VERSION | ADDRESS SUITE/COMPONENT ARCHITECTURE Packages`. Other lines are passed over. */
export function parseMadison(text: string): IndexEntry[] {
  return [...text.matchAll(/^ *(\S+) \| +(\S+) \| \S+ ([^\s/]+)\/\S+ \S+ Packages$/gm)].map((match) => {
    const [, name = '', version = '', suite = ''] = match;
    return { name, version, suite };
  });
}

/**
 * Parses `apt-get download --print-uris`: lines `'ADDRESS' FILE SIZE SHA256:HASH`. Other lines (warnings, progress) are passed over.
 *
 * @param addresses where the archives are: an address below none of them is passed over
 */
export function parsePrintUris(
  text: string,
  addresses: Readonly<Record<ArchiveName, string>>,
): Omit<DebianPackage, 'suite'>[] {
  // The longer one first: a mirror may have `debian-security` below `debian`.
  const archives = (Object.keys(addresses) as ArchiveName[]).sort(
    (a, b) => addresses[b].length - addresses[a].length,
  );
  return [...text.matchAll(/^'([^']*)' (\S+) (\d+) SHA256:([0-9a-f]{64})$/gm)].flatMap((match) => {
    const [, address = '', file = '', size = '', sha256 = ''] = match;
    const archive = archives.find((name) => address.startsWith(`${addresses[name]}/`));
    if (archive === undefined) return [];
    const [name = '', version = ''] = file.split('_');
    // A plus sign is written as %2b in an address.
    const path = decodeURIComponent(address.slice(addresses[archive].length + 1));
    return [{ name, version: decodeURIComponent(version), archive, path, size: Number(size), sha256 }];
  });
}
