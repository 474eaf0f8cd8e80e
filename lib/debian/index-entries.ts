import type { IndexedPackage } from './kernel-set.js';
import type { DebianPackage } from './package.js';

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

/** Parses paragraphs of an index, as `apt-cache show` prints them (deb822(5)). What has no file in an archive is passed over. */
export function parseParagraphs(
  text: string,
): Pick<DebianPackage, 'name' | 'version' | 'path' | 'size' | 'sha256'>[] {
  return text.split(/\n{2,}/).flatMap((paragraph) => {
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}: (\\S+)$`, 'm').exec(paragraph)?.[1];
    const [name, version, path] = [field('Package'), field('Version'), field('Filename')];
    const [size, sha256] = [Number(field('Size')), field('SHA256')];
    if (name === undefined || version === undefined || path === undefined || sha256 === undefined) return [];
    return Number.isSafeInteger(size) ? [{ name, version, path, size, sha256 }] : [];
  });
}
