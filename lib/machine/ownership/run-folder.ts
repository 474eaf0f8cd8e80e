import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dir } from 'tmp-promise';
import { theOwner } from './owner.js';

/** A temporary folder that does not outlive this process. */
export interface RunFolder extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

export interface RunFolderOptions {
  /** Begins the folder's name. Default: `run`. */
  prefix?: string;
  /** Where it lies. Default: the system's temp folder; `/dev/shm` for what should be memory. */
  parent?: string;
}

/** `sun_path` is 108 bytes long, its closing NUL included (unix(7)). */
const longestSocketPath = 107;

/**
 * Makes a folder that only this user may enter. Whoever made it removes it; if this process ends before that, however it ends,
 * the watchdog does.
 */
export async function createRunFolder({
  prefix = 'run',
  parent = tmpdir(),
}: RunFolderOptions = {}): Promise<RunFolder> {
  const owner = await theOwner();
  await owner.watch();
  const { path } = await dir({
    tmpdir: owner.folderIn(parent),
    template: `${prefix}-XXXXXX`,
    mode: 0o700,
    keep: true,
  });
  const folder = {};
  owner.hold(folder);
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    owner.letGo(folder);
  };
  return { path, remove, [Symbol.asyncDispose]: remove };
}

/**
 * The path of a unix socket in `folder`.
 *
 * @throws RangeError if it is longer than the 107 bytes that a socket's path may have
 */
export function socketPath(folder: string, name: string): string {
  const path = join(folder, name);
  const bytes = Buffer.byteLength(path);
  if (bytes > longestSocketPath) {
    throw new RangeError(
      `A unix socket's path has at most ${longestSocketPath} bytes, and ${path} has ${bytes}. Set TMPDIR to a shorter path.`,
    );
  }
  return path;
}
