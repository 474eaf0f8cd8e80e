import { describeEndpoint, type MonitorEndpoint } from './endpoint.js';
import { excerpt, MonitorBusyError, MonitorGreetingError } from './errors.js';
import { hasClient, listenerAt, qemuAtPort } from './qemu-at-port.js';
import { isConnectionUnaccepted } from './tcp-table.js';

/** What a monitor says first (QEMU monitor/hmp.c, monitor_event()). A new client always gets it, whatever the last one left. */
const GREETING = /^QEMU (\S+) monitor - type 'help' for more information\r?\n\(qemu\) /;
const MAX_GREETING = 256;
/** A stop reply (GDB manual, E.3): QEMU's stub stops a running VM for each new client, and tells. */
const STOP_REPLY = /^\+*\$[TS][0-9a-f]/;

/** Services that speak first, by what they say. */
const SERVICES: readonly (readonly [RegExp, string])[] = [
  [/^\s*\{\s*"QMP"/, 'It is a QMP socket: a human monitor (-monitor, -mon mode=readline) is needed'],
  [/^SSH-/, 'It is the port of another service, an SSH server'],
  [/^RFB \d{3}\.\d{3}/, 'It is the port of another service, a VNC server'],
  [/^REDQ/, 'It is the port of another service, a SPICE server'],
  [/^NBDMAGIC/, 'It is the port of another service, an NBD server'],
  [/^HTTP\/\d|^\s*<(?:!doctype|html)/i, 'It is the port of another service, an HTTP server'],
  [
    /login: |password: |^\[ *\d+\.\d{6}\]|[\w~/)\]][#$] ?$|SeaBIOS|Linux version \d/im,
    "It looks like a guest's serial console",
  ],
];

const WHERE_IT_IS = 'The monitor is at debug port + 100.';

/** Who has greeted: the monitor, or QEMU's gdb stub. */
export type Greeter = { readonly kind: 'monitor'; readonly version: string } | { readonly kind: 'gdb-stub' };

/**
 * Looks for a greeting in what has come so far.
 *
 * @returns undefined while it is not known yet whose it is
 * @throws MonitorGreetingError as soon as it is that of another service
 */
export function readGreeting(seen: string, endpoint: MonitorEndpoint): Greeter | undefined {
  const version = GREETING.exec(seen)?.[1];
  if (version !== undefined) return { kind: 'monitor', version };
  if (STOP_REPLY.test(seen)) return { kind: 'gdb-stub' };
  const service = SERVICES.find(([pattern]) => pattern.test(seen))?.[1];
  if (service !== undefined || seen.length > MAX_GREETING) throw notAMonitor(endpoint, seen, service);
  return undefined;
}

/** Why an endpoint is not even connected to, as far as that can be known beforehand: at a gdb stub the connection alone does harm. */
export function refusal(endpoint: MonitorEndpoint): MonitorGreetingError | undefined {
  const qemu = qemuAtPort(endpoint);
  const where = describeEndpoint(endpoint);
  if (qemu?.isStub === true) {
    return new MonitorGreetingError(
      `${where} is not a QEMU monitor: it is QEMU's gdb stub. No connection was made, since that would stop the VM. ${placeOf(endpoint)}${ownerOf(endpoint)}`,
    );
  }
  if (qemu?.openedLater === true && 'port' in endpoint) {
    const why = `No connection was made: the command line of QEMU (process ${String(qemu.pid)}) does not name this port, so it may be a gdb stub that its monitor has opened`;
    return hasClient(endpoint.port)
      ? new MonitorBusyError(
          `${where} is busy with another client, and QEMU serves one at a time; end the other one (a telnet, nc, gdb, or an earlier run?). ` +
            `${why}, and the VM would be stopped for a waiting connection when the debugger leaves. ${WHERE_IT_IS}`,
        )
      : new MonitorGreetingError(
          `${where} is not a QEMU monitor. ${why} (gdbserver), and a connection would stop the VM. ${placeOf(endpoint)}`,
        );
  }
  return undefined;
}

/** What to say of a gdb stub. @param resumed whether it has confirmed to have let the VM go */
export function stubAtPort(endpoint: MonitorEndpoint, resumed: boolean): MonitorGreetingError {
  return new MonitorGreetingError(
    `${describeEndpoint(endpoint)} is not a QEMU monitor: it is QEMU's gdb stub, which stops the VM for each new client. ` +
      (resumed
        ? 'It was told to detach at once, and the VM runs on. '
        : 'It was told to detach and has not confirmed that: "info status" in the monitor tells whether the VM runs, "cont" lets it run. ') +
      placeOf(endpoint),
  );
}

/** Where the monitor of a gdb stub is, by the launch script's rule. */
function placeOf(endpoint: MonitorEndpoint): string {
  const port = 'port' in endpoint ? `port ${String(endpoint.port + 100)}, that is ` : '';
  return `The monitor is at ${port}debug port + 100.`;
}

/** What QEMU's options make of an endpoint that says nothing. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/hostfwd=/, 'a port that is forwarded to the guest, where nothing has answered'],
  [/-(serial|parallel|virtioconsole) |-device [\w-]*(serial|console)/, "a guest's serial line or agent"],
  [/-spice /, 'a SPICE server'],
  [/-incoming /, 'a port that waits for a migration'],
];

/** Whose the endpoint is, as far as this host tells. */
function ownerOf(endpoint: MonitorEndpoint): string {
  const qemu = qemuAtPort(endpoint);
  if (qemu === undefined) {
    const listener = listenerAt(endpoint);
    return listener === undefined ? '' : ` ${listener} listens there.`;
  }
  const by = qemu.options.length === 0 ? 'a command of its monitor' : excerpt(qemu.options.join(' '), 240);
  return ` QEMU (process ${String(qemu.pid)}) has it by ${by}.`;
}

/** Why no greeting came within the budget, from what the kernel knows about the port. */
export function missingGreeting(
  endpoint: MonitorEndpoint,
  seen: string,
  spokeTelnet: boolean,
  budgetMs: number,
): MonitorGreetingError {
  const where = describeEndpoint(endpoint);
  const budget = `within ${String(budgetMs)} ms`;
  if ('QEMU '.startsWith(seen.slice(0, 5)) && seen !== '')
    return new MonitorGreetingError(`${where} broke off its greeting: only ${excerpt(seen)} came ${budget}.`);
  if (seen !== '') return notAMonitor(endpoint, seen);
  if (spokeTelnet) {
    return new MonitorGreetingError(
      `${where} is not a QEMU monitor: it negotiates telnet options and then says nothing ${budget}. It is another telnet server, such ` +
        `as a guest's serial port (-serial telnet:). Nothing was sent to it. ${WHERE_IT_IS}${ownerOf(endpoint)}`,
    );
  }
  if (isConnectionUnaccepted(endpoint)) {
    return new MonitorBusyError(
      `The monitor at ${where} is busy with another client: the connection was not taken up ${budget}. ` +
        'QEMU serves one monitor client at a time; end the other one (a telnet, nc, or an earlier run?). A QEMU that is stopped as a process (SIGSTOP) or hangs looks the same.' +
        ownerOf(endpoint),
    );
  }
  const options = qemuAtPort(endpoint)?.options.join(' ') ?? '';
  const kind = KINDS.find(([pattern]) => pattern.test(options))?.[1];
  return new MonitorGreetingError(
    `${where} took the connection and said nothing ${budget}: it is not a QEMU monitor${kind === undefined ? ', or QEMU hangs' : ''}. ` +
      (kind === undefined
        ? "It may be a guest's serial line or agent, the gdb stub of a VM that stood already, SPICE, or a server that waits to be spoken to (HTTP)"
        : `It is ${kind}`) +
      `; so nothing was sent to it. ${WHERE_IT_IS}${ownerOf(endpoint)}`,
  );
}

function notAMonitor(
  endpoint: MonitorEndpoint,
  seen: string,
  service = 'Is it the port of another service?',
): MonitorGreetingError {
  return new MonitorGreetingError(
    `${describeEndpoint(endpoint)} is not a QEMU monitor: it says ${excerpt(seen, 80)}. ${service.replace(/(?<!\?)$/, '.')} ` +
      `Nothing was sent to it. ${WHERE_IT_IS}${ownerOf(endpoint)}`,
  );
}
