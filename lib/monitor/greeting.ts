import { describeEndpoint, type MonitorEndpoint } from './endpoint.js';
import { excerpt, MonitorBusyError, MonitorGreetingError } from './errors.js';
import { tcpSockets } from './tcp-table.js';

/** What a monitor says first (QEMU monitor/hmp.c, monitor_event()). A new client always gets it, whatever the last one left. */
const GREETING = /^QEMU (\S+) monitor - type 'help' for more information\r\n\(qemu\) /;
const BEGINNING = 'QEMU ';
const MAX_GREETING = 256;

/**
 * Looks for the greeting in what has come so far.
 *
 * @returns QEMU's version when the greeting is complete, undefined while it may still become one
 * @throws MonitorGreetingError as soon as it cannot become one
 */
export function readGreeting(seen: string, endpoint: MonitorEndpoint): string | undefined {
  const version = GREETING.exec(seen)?.[1];
  if (version !== undefined) return version;
  const hopeful = seen.length <= MAX_GREETING && (seen.startsWith(BEGINNING) || BEGINNING.startsWith(seen));
  if (hopeful) return undefined;
  const hint = seen.includes('"QMP"')
    ? 'That is a QMP socket: a human monitor (-monitor) is needed.'
    : 'Is this the port of another service? The monitor is at debug port + 100.';
  throw new MonitorGreetingError(
    `${describeEndpoint(endpoint)} is not a QEMU monitor: it says ${excerpt(seen, 80)}. ${hint}`,
  );
}

/** Why no greeting came within the budget, from what the kernel knows about the port. */
export function missingGreeting(
  endpoint: MonitorEndpoint,
  seen: string,
  budgetMs: number,
): MonitorGreetingError {
  const where = describeEndpoint(endpoint);
  const budget = `within ${String(budgetMs)} ms`;
  if (seen !== '') {
    return new MonitorGreetingError(`${where} broke off its greeting: only ${excerpt(seen)} came ${budget}.`);
  }
  if ('path' in endpoint || isConnectionUnaccepted(endpoint.port)) {
    return new MonitorBusyError(
      `The monitor at ${where} is busy with another client: the connection was not taken up ${budget}. ` +
        'QEMU serves one monitor client at a time; end the other one (a telnet, nc, or an earlier run?). ' +
        'A QEMU that is stopped as a process (SIGSTOP) or hangs looks the same.',
    );
  }
  return new MonitorGreetingError(
    `${where} took the connection and said nothing ${budget}: it is not a QEMU monitor, or QEMU hangs. ` +
      'The monitor is at debug port + 100.',
  );
}

/** Whether connections wait at a listening port: QEMU does not accept while it has a client, other servers do at once. */
function isConnectionUnaccepted(port: number): boolean {
  return tcpSockets().some(
    (socket) => socket.state === 'listening' && socket.localPort === port && socket.receiveQueue > 0,
  );
}
