import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * What each process of this host names: its command line, the environment that it was started with, its working folder and its open
 * files, a line each. Of other users' processes only the command line can be read, but by root.
 */
export async function processNames(): Promise<string[]> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name));
  return await Promise.all(pids.map((pid) => namesOf(path.join('/proc', pid))));
}

/** Whether a process names this folder or file, or what is below it. QEMU's options have commas doubled. */
export function isNamed(processes: readonly string[], file: string): boolean {
  const spellings = new Set([file, file.replaceAll(',', ',,')]);
  return processes.some((names) =>
    [...spellings].some((spelling) => names.includes(`${spelling}/`) || endsAnyLine(names, spelling)),
  );
}

/** `/cache/kernels` is not named by `/cache/kernels-of-mine`. */
function endsAnyLine(names: string, file: string): boolean {
  return names.split('\n').some((line) => line.endsWith(file));
}

/** Processes come and go while they are looked at. */
async function namesOf(folder: string): Promise<string> {
  const read = (file: string): Promise<string> => readFile(path.join(folder, file), 'utf8').catch(() => '');
  const link = (file: string): Promise<string> => readlink(path.join(folder, file)).catch(() => '');
  const open = (await namesIn(path.join(folder, 'fd'))).map((fd) => link(path.join('fd', fd)));
  const texts = await Promise.all([read('cmdline'), read('environ'), link('cwd'), ...open]);
  return texts.map((text) => text.replaceAll('\0', '\n')).join('\n');
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}
