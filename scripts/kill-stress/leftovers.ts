import { readdirSync, readFileSync } from 'node:fs';

/** The variable that marks all that a round starts, watchdog and reaper included where they inherit it. */
export const tagVariable = 'OPENTDX_E2E_KILL_STRESS';

/**
 * What is left of a run: processes that carry its tag or name its temp folder, files in that folder, folders of its owners in
 * /dev/shm, leases of its owners. Written apart from the code that it checks: it knows what a run looks like from outside.
 */
export function leftoversOf({
  tag,
  temp,
  tokens,
}: {
  tag: string;
  temp: string;
  tokens: readonly string[];
}): string[] {
  return [
    ...processes()
      .filter(
        ({ command, environment }) =>
          environment.split('\0').includes(`${tagVariable}=${tag}`) || command.includes(temp),
      )
      .map(({ pid, command }) => `process ${pid}: ${command.slice(0, 150)}`),
    ...readdirSync(temp).map((name) => `file ${temp}/${name}`),
    ...readdirSync('/dev/shm')
      .filter((name) => tokens.some((token) => name.includes(token)))
      .map((name) => `file /dev/shm/${name}`),
    ...readFileSync('/proc/net/unix', 'latin1')
      .split('\n')
      .filter((line) => tokens.some((token) => line.includes(token)))
      .map((line) => `lease ${line.slice(line.indexOf('@'))}`),
  ];
}

/** The tokens of the owners whose folders lie in a run's temp folder: see lib/machine/ownership/names.ts. */
export function tokensIn(temp: string): string[] {
  return readdirSync(temp).flatMap((name) => /^opentdx-e2e-([0-9a-f]{16})$/.exec(name)?.[1] ?? []);
}

/** How many processes carry the tag now, and the word on their command line. */
export function countProcesses(tag: string, word = ''): number {
  return processes().filter(
    ({ environment, command }) =>
      environment.split('\0').includes(`${tagVariable}=${tag}`) && command.includes(word),
  ).length;
}

interface Seen {
  readonly pid: number;
  readonly command: string;
  readonly environment: string;
}

function processes(): Seen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        // A zombie has neither: it is no leftover.
        const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ');
        const environment = readFileSync(`/proc/${name}/environ`, 'latin1');
        return [{ pid: Number(name), command, environment }];
      } catch {
        return []; // It ended while it was looked at.
      }
    });
}
