import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { ClientChannel } from 'ssh2';

/** How a command's channel ended. */
export interface ChannelEnd {
  /** 0 to 255; 128 + n after signal n. Undefined: the server did not say, as the connection ended or the channel was left. */
  readonly exitCode: number | undefined;
  /** For people: 'exit code 255', 'closed without an exit code'. */
  readonly description: string;
}

/** One command that runs in the guest, on a channel of its own. Its outputs are paused: `resume()` after a 'data' listener was added. */
export interface Channel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves, never rejects, as soon as the server told how the command ended, whether or not its output was read. */
  readonly exited: Promise<ChannelEnd>;
  /** Resolves, never rejects, once the channel is closed and its output was read to the end, or {@link leave} was called. */
  readonly ended: Promise<ChannelEnd>;
  /** Closes the channel and drops what it still has to say. The command in the guest is left to itself. */
  leave(): void;
}

const left: ChannelEnd = { exitCode: undefined, description: 'the channel was left' };

export function channelOf(stream: ClientChannel): Channel {
  // The other side may stop reading at any time; how the command ended says more than that.
  stream.on('error', () => undefined);
  let told: ChannelEnd = { exitCode: undefined, description: 'closed without an exit code' };
  let leave = (): void => undefined;
  const leaving = new Promise<ChannelEnd>((resolve) => {
    leave = () => {
      stream.close();
      stream.resume();
      stream.stderr.resume();
      resolve(left);
    };
  });
  const exit = new Promise<ChannelEnd>((resolve) => {
    stream.once('exit', (code: number | null, signal?: string) => {
      told = exitOf(code, signal);
      resolve(told);
    });
  });
  const closed = new Promise<ChannelEnd>((resolve) => {
    // The channel's 'close' comes after the end of stdout; that of stderr has its own.
    let open = 2;
    const onClose = (): void => {
      open -= 1;
      if (open === 0) resolve(told);
    };
    stream.once('close', onClose);
    stream.stderr.once('close', onClose);
  });
  return {
    stdin: stream,
    stdout: stream,
    stderr: stream.stderr,
    exited: Promise.race([exit, closed, leaving]),
    ended: Promise.race([closed, leaving]),
    leave,
  };
}

function exitOf(code: number | null, signal = ''): ChannelEnd {
  if (code !== null) return { exitCode: code, description: `exit code ${code}` };
  const number = (constants.signals as Record<string, number>)[signal];
  return {
    exitCode: number === undefined ? undefined : 128 + number,
    description: `the login shell ended by ${signal}`,
  };
}
