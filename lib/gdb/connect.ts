import { once } from 'node:events';
import { connect } from 'node:net';
import { GdbConnectError, GdbError, GdbProtocolError, GdbTimeoutError } from './errors.js';
import { GdbClient, type Resuming } from './gdb-client.js';
import { check, milliseconds, optional, shape, text, that, whole } from '../validate/index.js';

export interface ConnectGdbOptions {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Deadline in ms for the connection, and of each request. Default 5000. */
  readonly timeoutMs?: number;
  /** Runs what lets the VM run, when whoever else has it stopped is done. Default: at once. */
  readonly resuming?: Resuming;
}

const gdbOptions = shape<ConnectGdbOptions>({
  port: whole(1, 65_535),
  host: optional(text(/^\S+$/, "a host, such as '127.0.0.1'")),
  timeoutMs: optional(milliseconds),
  resuming: optional(that<Resuming>('a function', (value) => typeof value === 'function')),
});

/**
 * Attaches to a gdb stub: the VM is stopped when this resolves.
 *
 * @throws GdbConnectError nothing listens there
 * @throws GdbTimeoutError the port swallows: another debugger is attached (QEMU serves one), or it is no stub
 * @throws GdbProtocolError the port speaks something else
 */
export async function connectGdb(options: ConnectGdbOptions): Promise<GdbClient> {
  const {
    port,
    host = '127.0.0.1',
    timeoutMs = 5_000,
    resuming = <T>(work: () => Promise<T>) => work(),
  } = check('connectGdb', 'options', gdbOptions, options);
  const where = `${host}:${String(port)}`;
  const socket = connect({ port, host, noDelay: true });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    socket.destroy();
    const { code = 'ETIMEDOUT', message } = error as NodeJS.ErrnoException;
    throw new GdbConnectError(
      `Cannot connect to a gdb stub at ${where}: ${message}. QEMU opens one with DEBUG set, or by the monitor's "gdbserver".`,
      code,
      { cause: error },
    );
  }
  socket.on('error', () => undefined);
  try {
    return await GdbClient.attach(socket, where, timeoutMs, resuming);
  } catch (error) {
    if (error instanceof GdbTimeoutError) {
      throw new GdbTimeoutError(
        `${where} did not answer as a gdb stub within ${String(timeoutMs)} ms: another debugger is attached (QEMU serves one), or it is not a stub.`,
        { cause: error },
      );
    }
    throw error instanceof GdbError
      ? error
      : new GdbProtocolError(`No handshake with the gdb stub at ${where}.`, { cause: error });
  }
}
