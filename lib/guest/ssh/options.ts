/** The name under which a guest's host key stands in a known-hosts file, whatever its port: `opentdx-guest ssh-ed25519 AAAA…`. */
export const GUEST_HOST_KEY_ALIAS = 'opentdx-guest';

/**
 * Names within the private folder in which every ssh runs. They are relative so that no path of the user's, with blanks,
 * `%`, `$` or more than the 107 bytes of a unix socket address, ever gets into ssh's option syntax.
 */
export const IDENTITY_NAME = 'identity';
export const KNOWN_HOSTS_NAME = 'known_hosts';
/** What makes the TCP connection: see dial.pl. */
export const DIAL_NAME = 'dial.pl';
export const CONTROL_SOCKET_PREFIX = 'control-';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** Nothing of the user's: no configuration file, agent, askpass program or password prompt. */
const ISOLATED = ['-F', '/dev/null', '-T', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'];

/**
 * Arguments of the ssh that holds the connection and serves the others (`-M -N`). It prints one line on stdout once it
 * does: ssh runs LocalCommand after the control socket listens.
 */
export function masterArguments(
  { host, port, user }: Endpoint,
  socket: string,
  hostKeyIsKnown: boolean,
): string[] {
  return [
    ...ISOLATED,
    ...['-M', '-N', '-S', socket],
    ...options({
      ControlPersist: 'no',
      PermitLocalCommand: 'yes',
      LocalCommand: 'echo ready',
      IdentityFile: IDENTITY_NAME,
      IdentitiesOnly: 'yes',
      IdentityAgent: 'none',
      PreferredAuthentications: 'publickey',
      UserKnownHostsFile: KNOWN_HOSTS_NAME,
      GlobalKnownHostsFile: '/dev/null',
      HostKeyAlias: GUEST_HOST_KEY_ALIAS,
      StrictHostKeyChecking: hostKeyIsKnown ? 'yes' : 'no',
      CheckHostIP: 'no',
      UpdateHostKeys: 'no',
      // The cheapest that both servers have: OpenSSH prefers a post-quantum exchange, which is slow in an emulated guest.
      KexAlgorithms: '^curve25519-sha256',
      HostKeyAlgorithms: '^ssh-ed25519',
      // A VM that is stopped by a debugger keeps its connection: deadlines are the caller's matter.
      ServerAliveInterval: '0',
      TCPKeepAlive: 'no',
      ConnectionAttempts: '1',
      ProxyCommand: `perl ${DIAL_NAME} %h %p`,
      ProxyUseFdpass: 'yes',
    }),
    ...['-p', String(port), `${user}@${host}`],
  ];
}

/**
 * Arguments of an ssh that runs one command over the master's connection. Without a master it would connect by itself,
 * unseen and slowly: the proxy command makes that fail at once.
 */
export function sessionArguments(socket: string, execRequest: string): string[] {
  return [
    ...ISOLATED,
    ...['-S', socket, ...options({ ControlMaster: 'no', ProxyCommand: 'false' })],
    GUEST_HOST_KEY_ALIAS,
    execRequest,
  ];
}

function options(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
