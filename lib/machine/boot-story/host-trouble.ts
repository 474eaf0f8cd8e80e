import { statfs } from 'node:fs/promises';
import path from 'node:path';

import type { Console } from '../console/index.js';
import type { ProcessExit } from '../ownership/exit.js';
import type { LaunchPlan } from '../plan/launch-plan.js';

/** A file system with less free space than a page cannot give a guest one. */
const aPage = 4_096;

/**
 * What is wrong on the host with what the machine writes: a disk that is full shows to QEMU as SIGBUS, without a word, when it is the one
 * of the RAM file.
 */
export async function hostTrouble(
  plan: LaunchPlan | undefined,
  console: Console,
  exit: ProcessExit | undefined,
): Promise<string[]> {
  const trouble: string[] = [];
  const ram = plan?.ram?.file;
  if (ram !== undefined) {
    const folder = path.dirname(ram);
    const space = await statfs(folder).catch(() => undefined);
    const free = space && space.bavail * space.bsize;
    if (free !== undefined && free < aPage)
      trouble.push(`the disk of the guest's RAM file is full (${folder}: no space left)`);
    else if (exit?.signal === 'SIGBUS')
      trouble.push(`the guest's RAM file was cut short, or its disk is full (${ram})`);
  }
  if (console.logProblem) trouble.push(`the console's log is not complete: ${console.logProblem.message}`);
  return trouble;
}
