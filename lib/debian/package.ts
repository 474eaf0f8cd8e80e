import path from 'node:path';

/** One of the archives that Debian's packages are in. */
export type ArchiveName = 'debian' | 'debian-security';

/** A Debian package, byte for byte. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly archive: ArchiveName;
  /** The suite of the archive whose index has it: `bookworm`, `bookworm-updates`, `bookworm-security`. */
  readonly suite: string;
  /** Its file, below the archive's address: `pool/main/…/NAME_VERSION_ARCHITECTURE.deb`. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** The name of a package's file, in the archive's pool and in the download cache. */
export function fileOf(one: Pick<DebianPackage, 'path'>): string {
  return path.posix.basename(one.path);
}
