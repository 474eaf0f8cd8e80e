import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The processes that carry `TAG=<tag>` in their environment, zombies left out. Written apart from the code under test. */
export function processesWithTag(tag: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`TAG=${tag}`)) return [];
        return [
          { pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') },
        ];
      } catch {
        return []; // It ended while it was looked at.
      }
    });
}

/** Watchdogs and reapers of the harness whose folder is given. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

export function existing(paths: readonly string[]): string[] {
  return paths.filter((path) => existsSync(path));
}
