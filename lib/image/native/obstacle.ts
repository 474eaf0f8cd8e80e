import { readFile } from 'node:fs/promises';

import { findCommand } from './tools.js';

/** What chooses, downloads and unpacks Debian packages. */
const packageTools = ['apt-get', 'apt-cache', 'dpkg-deb'];
/** What images/reference/build.sh calls beside them. */
const buildTools = 'gcc make strip readelf git tar xz cpio depmod modprobe ssh-keygen'.split(' ');

/** Why this host's apt cannot say what the reference guest's packages are; undefined if it can. */
export async function packagesObstacle(): Promise<string | undefined> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^VERSION_CODENAME="?bookworm"?$/m.test(release)) {
    const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? 'no Linux distribution with an os-release';
    return `this host is ${name}, and the recipe is for Debian 12 (bookworm)`;
  }
  return await lacks(packageTools);
}

/** Why the reference guest cannot be built on this host itself; undefined if it can. */
export async function nativeObstacle(): Promise<string | undefined> {
  return (await packagesObstacle()) ?? (await lacks(buildTools));
}

async function lacks(tools: readonly string[]): Promise<string | undefined> {
  const found = await Promise.all(tools.map(findCommand));
  const missing = tools.filter((_, index) => found[index] === undefined);
  return missing.length > 0 ? `this host has no ${missing.join(', ')}` : undefined;
}
