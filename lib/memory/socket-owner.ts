import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type MonitorPeer, tcpSockets } from '../monitor/index.js';
import { MemoryAccessError } from './errors.js';

/**
 * The process at the other end of a monitor's connection: the one that holds that socket, by the kernel's tables.
 *
 * @throws MemoryAccessError the other end is not on this host, or its owner may not be looked at by this user
 */
export function socketOwner(peer: MonitorPeer): number {
  const inodes = peer.path === undefined ? tcpInodes(peer) : unixInodes(peer.path);
  if (inodes.size === 0) {
    throw new MemoryAccessError(
      `The other end of the monitor's connection (${peer.where}) is not among this host's sockets.`,
    );
  }
  const owners = processIds().filter((pid) => holdsSocket(pid, inodes));
  const [owner, another] = owners;
  if (owner === undefined) {
    throw new MemoryAccessError(
      `No process shows the other end of the monitor's connection (${peer.where}): it belongs to another user. Run as that user or as root.`,
    );
  }
  if (another !== undefined) {
    throw new MemoryAccessError(
      `Several processes hold the monitor's socket (${peer.where}): ${owners.join(', ')}.`,
    );
  }
  return owner;
}

function tcpInodes({ localPort, remotePort }: MonitorPeer): Set<string> {
  const theirs = tcpSockets().filter(
    (socket) =>
      socket.state === 'established' &&
      socket.inode !== 0 &&
      socket.localPort === remotePort &&
      socket.remotePort === localPort,
  );
  return new Set(theirs.map(({ inode }) => `socket:[${String(inode)}]`));
}

/** The listening socket and those accepted from it bear the path under which the server bound it. */
function unixInodes(path: string): Set<string> {
  const lines = readFileSync('/proc/self/net/unix', 'utf8').split('\n');
  const inodes = lines.flatMap((line) => {
    const [, inode, bound] = /^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+) (.*)$/.exec(line) ?? [];
    return bound === path && inode !== undefined ? [`socket:[${inode}]`] : [];
  });
  return new Set(inodes);
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function holdsSocket(pid: number, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${String(pid)}/fd`;
  try {
    return readdirSync(folder).some((fd) => inodes.has(linkOf(`${folder}/${fd}`)));
  } catch {
    return false; // ended meanwhile, or another user's: then it is not found, and the caller says so
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}
