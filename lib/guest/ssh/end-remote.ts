import { capture } from './capture.js';
import type { SshConnections } from './connections.js';
import { tailOf } from './display.js';
import { wrapUnmarked } from './remote-command.js';
import { killScript } from './remote-kill.js';

/** What became of processes in the guest, and a sentence about it for an error message. */
export interface EndedRemote {
  readonly gone: boolean;
  readonly sentence: string;
}

const TIMEOUT_MS = 5000;

/**
 * Ends all processes of a command in the guest, over the same connection.
 *
 * @param token the command's mark; without one, every process that any command of this harness left in the guest.
 * It never throws: what went wrong is told together with the reason for ending them.
 */
export async function endRemote(connection: SshConnections, token?: string): Promise<EndedRemote> {
  try {
    // This shell must not carry the mark that it looks for.
    const remote = wrapUnmarked(killScript(token));
    const options = { stdin: '', startTimeoutMs: TIMEOUT_MS, timeoutMs: TIMEOUT_MS, maxOutputBytes: 65536 };
    const result = await capture(connection, remote, options);
    if (result.end.kind !== 'exited') {
      return failed(`the guest did not answer within ${TIMEOUT_MS} ms`);
    }
    if (result.end.exitCode !== 0) return failed(`still there: ${tailOf(result.stdout)}`);
    return { gone: true, sentence: 'Its processes in the guest were ended.' };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

function failed(why: string): EndedRemote {
  return { gone: false, sentence: `Its processes in the guest could not be ended (${why}).` };
}
