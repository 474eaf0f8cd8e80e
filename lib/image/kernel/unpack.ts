import { gunzipSync } from 'node:zlib';

import { execa } from 'execa';

import { KernelError } from './errors.js';

/** What compressed data begins with, in hex, and the program that unpacks it; gzip needs none. */
const compressions: readonly { readonly magic: string; readonly command: readonly [string, ...string[]] }[] =
  [
    { magic: 'fd377a585a00', command: ['xz', '-dc'] },
    { magic: '5d0000', command: ['xz', '--format=lzma', '-dc'] },
    { magic: '02214c18', command: ['lz4', '-dc'] },
    { magic: '28b52ffd', command: ['zstd', '-dc'] },
    { magic: '425a68', command: ['bzip2', '-dc'] },
    { magic: '894c5a4f', command: ['lzop', '-dc'] },
  ];

const gzip = '1f8b';
const largest = 512 << 20;

/**
 * Unpacks what is packed in one of the ways that kernels and their modules are.
 *
 * @param name of the data, for messages
 * @param trailing bytes after the compressed stream, unless it is gzip's, which knows its end
 * @throws KernelError when the way is unknown, or its program is missing or complains
 */
export async function unpack(data: Buffer, name: string, trailing = 0): Promise<Buffer> {
  const head = data.toString('hex', 0, 8);
  if (head.startsWith(gzip)) return gunzipSync(data);
  const known = compressions.find(({ magic }) => head.startsWith(magic));
  if (!known)
    throw new KernelError(
      `${name} is packed in an unknown way: it begins with the bytes ${head}. Give the vmlinux of its build.`,
    );
  const [program, ...args] = known.command;
  const result = await execa(program, args, {
    input: data.subarray(0, data.length - trailing),
    encoding: 'buffer',
    maxBuffer: largest,
    reject: false,
  });
  if (!result.failed) return Buffer.from(result.stdout);
  const why =
    result.code === 'ENOENT'
      ? `this host does not have ${program}: install it`
      : `${program} says: ${Buffer.from(result.stderr).toString().trim()}`;
  throw new KernelError(`${name} cannot be unpacked: ${why}.`);
}
