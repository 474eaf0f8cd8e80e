import { copyFile, mkdir, readdir, symlink } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

/** What a working folder has in place of the checkout's own file. */
export interface Replacement {
  /** Below the root. */
  readonly path: string;
  /** `reflink`: a copy of the same file that shares its blocks until one of the two is written; else the content of this file. */
  readonly by: 'reflink' | { readonly file: string };
}

/**
 * Makes `folder`, which is there and empty, look like the checkout in `root`: links to everything in it, except for the replacements and
 * the folders on the way to them, which are real. What a script does below its working folder finds the checkout's files there.
 */
export async function fillWorkingFolder(
  root: string,
  folder: string,
  replacements: readonly Replacement[],
): Promise<void> {
  await fill(path.resolve(root), folder, replacements);
}

async function fill(source: string, target: string, replacements: readonly Replacement[]): Promise<void> {
  const below = new Map<string, Replacement[]>();
  for (const replacement of replacements) {
    const [first = '', ...rest] = replacement.path.split('/');
    const inner = { ...replacement, path: rest.join('/') };
    below.set(first, [...(below.get(first) ?? []), inner]);
  }
  for (const name of await readdir(source)) {
    const [from, to] = [path.join(source, name), path.join(target, name)];
    const inner = below.get(name);
    const own = inner?.find((replacement) => replacement.path === '');
    if (own) await replace(from, to, own);
    else if (inner) {
      await mkdir(to);
      await fill(from, to, inner);
    } else await symlink(from, to);
  }
}

async function replace(from: string, to: string, { by }: Replacement): Promise<void> {
  if (by === 'reflink') await reflink(from, to);
  else await copyFile(by.file, to);
}

async function reflink(from: string, to: string): Promise<void> {
  await execa('cp', ['--reflink=always', '--no-preserve=mode,ownership', '--', from, to], {
    stdin: 'ignore',
  });
}

/**
 * Why `from` cannot be copied into `folder` sharing its blocks; undefined when it can. Tried, with the file itself: file systems, mounts
 * and swap files have more reasons than can be known.
 */
export async function reflinkProblem(from: string, folder: string): Promise<string | undefined> {
  const trial = path.join(folder, 'reflink-trial');
  const { failed, stderr } = await execa('cp', ['--reflink=always', '--', from, trial], {
    reject: false,
    stdin: 'ignore',
  });
  await execa('rm', ['-f', '--', trial]);
  return failed ? (/[^:]*$/.exec(stderr.trim())?.[0].trim() ?? 'cp failed') : undefined;
}
