import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

/** The PATH with /usr/sbin, which is not on every user's, yet some programs are there. */
export function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
}

/** The absolute path of a command that may be run, or undefined. One with a slash is a path already. */
export async function findCommand(command: string): Promise<string | undefined> {
  const folders = command.includes('/') ? [''] : searchPath().split(path.delimiter).filter(Boolean);
  for (const folder of folders) {
    const file = path.resolve(folder, command);
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return file;
  }
  return undefined;
}
