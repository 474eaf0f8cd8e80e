import { once } from 'node:events';
import { connect } from 'node:net';
import { budgetClock } from '../host/budget/index.js';
import { GdbConnectError, GdbError, GdbProtocolError, GdbTimeoutError } from './errors.js';
import { GdbClient, type GdbHooks, type Resuming } from './gdb-client.js';
import type { StopReply } from './stop-reply.js';
import { check, milliseconds, optional, shape, text, that, whole } from '../validate/index.js';

export interface ConnectGdbOptions extends GdbHooks {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Deadline in ms for the connection, and of each request. Default 5000. */
  readonly timeoutMs?: number;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const gdbOptions = shape<ConnectGdbOptions>({
  port: whole(1, 65_535),
  host: optional(text(/^\S+$/, "a host, such as '127.0.0.1'")),
  timeoutMs: optional(milliseconds),
  resuming: optional(that<Resuming>('a function', isFunction)),
  onTrap: optional(that<(stop: StopReply) => void>('a function', isFunction)),
  onClose: optional(that<(reason: Error) => void>('a function', isFunction)),
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
    onTrap = () => undefined,
    onClose = () => undefined,
  } = check('connectGdb', 'options', gdbOptions, options);
  const where = `${host}:${String(port)}`;
  const socket = connect({ port, host, noDelay: true });
  try {
    await once(socket, 'connect', { signal: budgetClock.signal(timeoutMs) });
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
    return await GdbClient.attach(socket, where, timeoutMs, { resuming, onTrap, onClose });
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
