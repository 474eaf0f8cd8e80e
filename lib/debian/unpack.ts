import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { execa } from 'execa';

import { PackagesError } from './errors.js';

const magic = '!<arch>\n';
const headerSize = 60;
/** What tar is told of each compression that packages have. */
const compressions: Readonly<Record<string, readonly string[]>> = {
  'data.tar': [],
  'data.tar.gz': ['--gzip'],
  'data.tar.xz': ['--xz'],
  'data.tar.zst': ['--zstd'],
};

/**
 * Unpacks the files of a Debian package into a folder, as this user's; nothing of the package runs. A host that is no Debian has tar and xz,
 * too. Links to folders that are there stay (merged /usr).
 *
 * @param leaveOut tar's patterns of what is not unpacked, for example `./usr/share/doc/*`
 * @throws PackagesError when the file is not a package, or tar fails
 */
export async function unpackPackage(
  file: string,
  folder: string,
  leaveOut: readonly string[] = [],
): Promise<void> {
  const { start, end, options } = await dataOf(file);
  const excluded = leaveOut.map((pattern) => `--exclude=${pattern}`);
  const tar = ['-x', '-C', folder, ...options, '--no-same-owner', '--keep-directory-symlink', ...excluded];
  const { failed, stderr } = await execa('tar', tar, {
    input: createReadStream(file, { start, end }),
    reject: false,
    env: { LC_ALL: 'C' },
  });
  if (failed) throw new PackagesError(`${file} cannot be unpacked: ${stderr.trim()}`);
}

/** Where the member with the files is in a package, an ar archive (deb(5), ar(5)). */
async function dataOf(file: string): Promise<{ start: number; end: number; options: readonly string[] }> {
  const handle = await open(file);
  try {
    let position = magic.length;
    if ((await textAt(handle, 0, magic.length)) === magic) {
      for (;;) {
        const header = await textAt(handle, position, headerSize);
        if (header.length < headerSize) break;
        const name = header.slice(0, 16).trim().replace(/\/$/, '');
        const size = Number(header.slice(48, 58));
        const start = position + headerSize;
        const options = compressions[name];
        if (options !== undefined) return { start, end: start + size - 1, options };
        if (!Number.isSafeInteger(size)) break;
        position = start + size + (size % 2);
      }
    }
  } finally {
    await handle.close();
  }
  throw new PackagesError(`${file} is not a Debian package: no data.tar in it. Remove it and run again.`);
}

async function textAt(handle: FileHandle, position: number, length: number): Promise<string> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.toString('latin1', 0, bytesRead);
}
