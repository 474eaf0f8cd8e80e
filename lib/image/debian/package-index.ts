import type { IndexedPackage } from './kernel-set.js';

/** Names and versions of the paragraphs of a package index, as `apt-cache show` prints it (deb822(5)). */
export function parsePackageIndex(text: string): IndexedPackage[] {
  return text.split(/\n{2,}/).flatMap((paragraph) => {
    const name = fieldOf(paragraph, 'Package');
    const version = fieldOf(paragraph, 'Version');
    return name === undefined || version === undefined ? [] : [{ name, version }];
  });
}

function fieldOf(paragraph: string, field: string): string | undefined {
  return new RegExp(`^${field}: (\\S+)$`, 'm').exec(paragraph)?.[1];
}
