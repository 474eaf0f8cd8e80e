import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';

import { execa } from 'execa';

import { ImageBuildError } from '../errors.js';

/**
 * A tar stream of `names` in `folder`, as root's files. An error of tar destroys the stream.
 *
 * @param follow whether what links lead to is packed in their place
 */
export function pack(folder: string, names: readonly string[], { follow = false } = {}): Readable {
  const options = ['--owner=0', '--group=0', '--numeric-owner', ...(follow ? ['--dereference'] : [])];
  const tar = execa('tar', ['-C', folder, ...options, '-cf', '-', '--', ...names], {
    stdin: 'ignore',
    buffer: { stdout: false },
    reject: false,
  });
  void tar.then(({ failed, stderr }) => {
    if (failed) tar.stdout.destroy(new ImageBuildError(`tar could not pack ${folder}: ${stderr}`));
  });
  return tar.stdout;
}

/**
 * Unpacks a tar stream into `folder` without the first part of its paths, as this user's files.
 *
 * @throws ImageBuildError
 */
export async function unpack(archive: Readable, folder: string): Promise<void> {
  const tar = execa('tar', ['-C', folder, '--strip-components=1', '--no-same-owner', '-xpf', '-'], {
    reject: false,
    buffer: { stderr: true },
  });
  await pipeline(archive, tar.stdin).catch(async (error: unknown) => {
    const { stderr } = await tar;
    throw new ImageBuildError(`What came out of a container could not be unpacked: ${stderr}`, [], {
      cause: error,
    });
  });
  const { failed, stderr } = await tar;
  if (failed) throw new ImageBuildError(`What came out of a container could not be unpacked: ${stderr}`);
}
