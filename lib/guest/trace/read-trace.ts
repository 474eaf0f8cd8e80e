import { gunzipSync } from 'node:zlib';

import { InfrastructureError } from '../../errors.js';
import type { CommandShell } from '../command-shell.js';

/**
 * The text of a trace. It is packed on the way: a trace is long and says the same many times, and a serial line of Bochs's carries less
 * than 10 KB in a second.
 *
 * @param folder tracefs, or an instance below it
 * @throws InfrastructureError the guest has no gzip or no base64
 */
export async function readTrace(guest: CommandShell, folder: string): Promise<string> {
  const packed = await guest.succeed(['sh', '-c', 'gzip -c < "$1/trace" | base64', 'sh', folder]);
  try {
    return gunzipSync(Buffer.from(packed, 'base64')).toString('utf8');
  } catch (error) {
    throw new InfrastructureError(
      `The guest's trace ${folder}/trace did not come through "gzip -c | base64", which gave ${JSON.stringify(packed.slice(0, 200))}. Has the guest both programs?`,
      { cause: error },
    );
  }
}
