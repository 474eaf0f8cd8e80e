/** One Debian package as apt resolved it: what would be downloaded, byte for byte. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** File name as `apt-get download` writes it; the version's colons are `%3a` in it. */
  readonly file: string;
  /** Size in bytes. */
  readonly size: number;
  readonly sha256: string;
}

/**
 * Parses `apt-get download --print-uris`: lines `'URI' FILE SIZE SHA256:HASH`. Other lines (warnings, progress) are passed over.
 */
export function parsePrintUris(text: string): DebianPackage[] {
  return [...text.matchAll(/^'[^']*' (\S+) (\d+) SHA256:([0-9a-f]{64})$/gm)].map((match) => {
    const [, file = '', size = '', sha256 = ''] = match;
    const [name = '', version = ''] = file.split('_');
    return { name, version: decodeURIComponent(version), file, size: Number(size), sha256 };
  });
}
