import { access, constants } from 'node:fs/promises';
import path from 'node:path';

import { program } from './program.js';
import { firmware } from './configuration.js';

/** The plugin of `display_library: term`, which is a Debian package of its own (bochs-term). */
const display = '/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so';

/** What of Bochs this host lacks: a command's name, and absolute paths of files. Empty where the machine can be started. */
export async function missingParts(searchPath = process.env.PATH ?? ''): Promise<string[]> {
  const folders = searchPath.split(path.delimiter);
  const found = await Promise.all(folders.map((folder) => can(path.join(folder, program), constants.X_OK)));
  const missing = found.includes(true) ? [] : [program];
  for (const file of [...Object.values(firmware), display])
    if (!(await can(file, constants.R_OK))) missing.push(file);
  return missing;
}

function can(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}
