import type { PortPattern } from '../machine/ports/index.js';
import { ownCommand } from '../text/index.js';
import { GUEST_HOST_KEY_ALIAS, quote } from './ssh/index.js';

/** How a guest is reached by ssh. */
interface Access {
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile?: string | undefined;
}

/** What somebody needs to stand inside a VM. */
export interface WaysIn extends Access {
  readonly ports: PortPattern;
  /** A file for gdb with the kernel's symbols where they are; undefined when there are none. */
  readonly symbolFile: string | undefined;
}

/** @param port of the guest's ssh server, on 127.0.0.1 */
export function sshCommand({ user, identityFile, knownHostsFile }: Access, port: number): string[] {
  const hostKey =
    knownHostsFile === undefined
      ? ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null']
      : ['-o', `HostKeyAlias=${GUEST_HOST_KEY_ALIAS}`, '-o', `UserKnownHostsFile=${knownHostsFile}`];
  const ssh = ['ssh', '-F', '/dev/null', '-i', identityFile, '-o', 'IdentitiesOnly=yes', ...hostKey];
  return [...ssh, '-p', String(port), `${user}@127.0.0.1`];
}

/** The lines to be typed on this host for ssh, the monitor, gdb, and a walk of page tables. The gdb stub must be open. */
export function describeWaysIn({ ports, symbolFile, ...access }: WaysIn): string {
  const gdb = [
    'gdb',
    ...(symbolFile === undefined ? ['-ex', 'set architecture i386:x86-64'] : [symbolFile]),
    ...['-ex', `target remote 127.0.0.1:${ports.debug}`],
  ];
  return [
    `ssh:      ${words(sshCommand(access, ports.ssh))}`,
    `monitor:  ${words(['nc', '127.0.0.1', String(ports.monitor)])}`,
    `gdb:      ${words(gdb)}`,
    `walk:     ${ownCommand('verify-pte', String(ports.monitor), 'ADDRESS', '--pid', 'PID')}`,
  ].join('\n');
}

/** Quoted for a shell where they must be. */
function words(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quote(word))).join(' ');
}
