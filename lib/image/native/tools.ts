import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import type { BuildSite } from '../build-site.js';

/** The PATH with /usr/sbin, which is not on every user's, yet depmod and modprobe are there. */
export function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
}

/** The path of a command, or undefined. */
export async function findCommand(command: string): Promise<string | undefined> {
  for (const folder of searchPath().split(path.delimiter)) {
    const file = path.join(folder, command);
    const runs = await access(file, constants.X_OK).then(
      () => folder !== '',
      () => false,
    );
    if (runs) return file;
  }
  return undefined;
}

/** Where commands are run that need no build site. */
export const thisHost: Pick<BuildSite, 'title' | 'run'> = {
  title: 'this host',
  async run(command, args) {
    const result = await execa(command, args, { env: { LC_ALL: 'C' }, reject: false, stdin: 'ignore' });
    return { failed: result.failed, stdout: result.stdout, stderr: result.stderr };
  },
};
