import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';

import { findCommand } from '../../lib/host/find-command.js';
import { type Check, missing, optional, ready } from './check.js';

const run = promisify(execFile);
/** A tool that does not say its version at once is none. */
const timeout = 5_000;

export interface Tool {
  readonly command: string;
  /** The Debian package that has it. */
  readonly debian: string;
  /** What prints its version. */
  readonly version: readonly string[];
  /** Works without it. */
  readonly optional?: string;
}

/** A command on the PATH (and in sbin, which is not on every user's), with its version. */
export function toolCheck({ command, debian, version, optional: without }: Tool): Check {
  return {
    name: command,
    look: async () => {
      const file = await findCommand(command);
      if (file === undefined) {
        const remedy = `apt-get install --no-install-recommends ${debian}`;
        return without === undefined
          ? missing('not found', remedy)
          : optional(`not found; ${without}`, remedy);
      }
      if (version.length === 0) return ready(file);
      const { stdout, stderr } = await run(file, [...version], { timeout }).catch(
        (error: unknown) => error as Printed,
      );
      return ready(`${(stdout || stderr).split('\n')[0]?.trim() ?? ''} (${file})`);
    },
  };
}

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

export async function may(file: string, mode: number): Promise<boolean> {
  return await access(file, mode).then(
    () => true,
    () => false,
  );
}
