import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** SHA-256 of a file, holes read as the zeros that they are. 1 GiB takes about a second. */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file);
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) {
      hash.update(chunk as Buffer);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}
