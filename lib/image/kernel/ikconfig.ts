import { gunzipSync } from 'node:zlib';

/** kernel/configs.c: the compressed .config stands between these. */
const begin = Buffer.from('IKCFG_ST\x1f\x8b', 'latin1');
const end = Buffer.from('IKCFG_ED', 'latin1');
/** How much of `begin` is not part of the gzip stream. */
const markBytes = 8;

/**
 * The .config that a kernel built with CONFIG_IKCONFIG=y carries in itself.
 *
 * @param image the uncompressed kernel
 * @returns undefined when it carries none
 */
export function embeddedConfig(image: Buffer): string | undefined {
  const start = image.indexOf(begin);
  const stop = start < 0 ? -1 : image.indexOf(end, start);
  if (stop < 0) return undefined;
  return gunzipSync(image.subarray(start + markBytes, stop)).toString('utf8');
}
