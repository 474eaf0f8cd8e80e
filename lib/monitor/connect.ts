import { connect, type Socket } from 'node:net';
import { connectOptions, describeEndpoint, type MonitorEndpoint } from './endpoint.js';
import { letRun } from '../gdb/index.js';
import { budgetClock } from '../host/budget/index.js';
import { MonitorClosedError, MonitorConnectError, MonitorGreetingError } from './errors.js';
import { type Greeter, missingGreeting, readGreeting, refusal, stubAtPort } from './greeting.js';
import { HmpClient } from './hmp-client.js';
import { Monitor } from './monitor.js';
import { TelnetFilter } from './telnet.js';
import type { Transcript } from './transcript.js';

export type ConnectMonitorOptions = MonitorEndpoint & {
  /** Budget in ms for the connection and QEMU's greeting together. Default 2000. */
  readonly deadlineMs?: number;
  /** Ends the connecting; nothing afterwards. */
  readonly signal?: AbortSignal;
  /** Where to record the conversation. */
  readonly transcript?: Transcript;
  /** Default deadline of each command in ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** Default bound of a reply in bytes. Default 64 MiB: `info tlb` of a whole Linux address space is about 3 MiB. */
  readonly maxReplyBytes?: number;
};

/**
 * Connects to a QEMU human monitor, plain or behind telnet, and waits for its greeting, to which nothing is sent before it is one: the
 * port may be a guest's serial line. A gdb stub, which stops its VM for each client, is let go at once, and the VM with it. Does not
 * retry: whoever waits for a VM waits for the port.
 *
 * @throws MonitorConnectError nothing listens there
 * @throws MonitorBusyError the monitor serves another client
 * @throws MonitorGreetingError the port swallows, or speaks something else
 * @throws MonitorClosedError the connection was closed before the greeting
 */
export async function connectMonitor(options: ConnectMonitorOptions): Promise<Monitor> {
  const endpoint: MonitorEndpoint = options;
  const where = describeEndpoint(endpoint);
  const refused = refusal(endpoint);
  if (refused !== undefined) throw refused;
  const socket = connect(connectOptions(endpoint));
  const telnet = new TelnetFilter();
  const greeter = await awaitGreeting(socket, telnet, endpoint, options.deadlineMs ?? 2_000, options.signal);
  if (greeter.kind === 'gdb-stub') throw stubAtPort(endpoint, await letRun(socket, stubMs));
  const client = new HmpClient(socket, telnet, {
    where,
    timeoutMs: options.timeoutMs ?? 10_000,
    maxReplyBytes: options.maxReplyBytes ?? 64 * 1024 * 1024,
    transcript: options.transcript,
  });
  return new Monitor(client, {
    version: greeter.version,
    where,
    remotePort: socket.remotePort,
    localPort: socket.localPort,
    path: 'path' in endpoint ? endpoint.path : undefined,
  });
}

/** How long a gdb stub may take to confirm that it has let the VM run, in ms. */
const stubMs = 1_000;

/** Races greeting, deadline, error, close and the caller's signal. Leaves the socket without listeners, or destroyed. */
async function awaitGreeting(
  socket: Socket,
  telnet: TelnetFilter,
  endpoint: MonitorEndpoint,
  budgetMs: number,
  signal?: AbortSignal,
): Promise<Greeter> {
  const where = describeEndpoint(endpoint);
  let seen = '';
  let cancel: (() => void) | undefined;
  const giveUp = (): void => void socket.destroy();
  signal?.addEventListener('abort', giveUp);
  try {
    signal?.throwIfAborted();
    return await new Promise<Greeter>((resolve, reject) => {
      cancel = budgetClock.after(budgetMs, () => {
        reject(
          socket.connecting
            ? new MonitorGreetingError(
                `${where} did not answer the connection within ${String(budgetMs)} ms.`,
              )
            : missingGreeting(endpoint, seen, telnet.spoken, budgetMs),
        );
      });
      socket.on('data', (chunk: Buffer) => {
        seen += telnet.push(chunk).toString('latin1');
        try {
          const greeter = readGreeting(seen, endpoint);
          if (greeter !== undefined) resolve(greeter);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        const remedy =
          error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
            ? ' Is the VM running? Its monitor is at debug port + 100.'
            : '';
        reject(
          new MonitorConnectError(
            `Cannot connect to a monitor at ${where}: ${error.message}.${remedy}`,
            error.code ?? 'UNKNOWN',
            { cause: error },
          ),
        );
      });
      socket.on('close', () => {
        reject(
          new MonitorClosedError(`The monitor closed the connection: ${where}, before its greeting.`, true),
        );
      });
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    cancel?.();
    signal?.removeEventListener('abort', giveUp);
    socket.removeAllListeners();
    // Between here and the client's own listeners nothing is read: a paused socket keeps what comes.
    socket.pause();
    // A destroyed socket may still report how its connection failed.
    socket.on('error', () => undefined);
  }
}
