import getPort, { clearLockedPorts } from 'get-port';
import { randomInt } from 'node:crypto';
import { InfrastructureError } from '../../errors.js';
import { acquireLease, type Lease } from '../../host/lease/index.js';
import { debugSpan, distinctPorts, portPattern, sshSpan, type PortPattern } from './pattern.js';
import { ephemeralRange, rangeBeside, type PortRange } from './range.js';

/** The ports of one machine, which no other run on this computer gets until `release()` or the end of this process. */
export interface PortLease extends PortPattern, AsyncDisposable {
  release(): Promise<void>;
}

/** Many tries found no free pattern: the computer is full of listeners. */
export class NoFreePortsError extends InfrastructureError {
  override readonly name = 'NoFreePortsError';
}

const tries = 500;

/**
 * Finds two bases such that the whole pattern of {@link PortPattern} is free together on every interface, and leases each of
 * its ports across all processes and users of this computer (one network namespace).
 *
 * A program that knows nothing of the leases may still take a port before the machine binds it: if the bind fails, release and
 * allocate again.
 *
 * `range`, for hosts whose firewall is open for some ports only, spans at least 101 ports. Default: outside the range of outgoing
 * connections.
 *
 * @throws NoFreePortsError after 500 patterns that were not free
 */
export async function allocatePorts(options: { range?: PortRange } = {}): Promise<PortLease> {
  const range = options.range ?? rangeBeside(await ephemeralRange());
  for (let attempt = 0; attempt < tries; attempt++) {
    const pattern = randomPattern(range);
    const ports = distinctPorts(pattern);
    if (!ports) continue;
    const leases = await leaseAll(ports);
    if (!leases) continue;
    const release = async (): Promise<void> => {
      await Promise.all(leases.map((lease) => lease.release()));
    };
    try {
      if (await areFree(ports)) return { ...pattern, release, [Symbol.asyncDispose]: release };
    } catch (error) {
      await release();
      throw error;
    }
    await release();
  }
  throw new NoFreePortsError(
    `None of ${tries} port patterns (ssh, ssh+1, debug, debug+1, debug+100) between ${range.first} and ${range.last} was free. ` +
      'See what listens with `ss -ltn`.',
  );
}

/** Random, so that runs that start together do not try the same ports one after the other. */
function randomPattern({ first, last }: PortRange): PortPattern {
  return portPattern(randomInt(first, last - sshSpan + 1), randomInt(first, last - debugSpan + 1));
}

/** All or nothing. */
async function leaseAll(ports: readonly number[]): Promise<Lease[] | undefined> {
  const leases: Lease[] = [];
  for (const port of ports) {
    const lease = await acquireLease(`tcp-port/${port}`, { scope: 'machine' });
    if (!lease) {
      await Promise.all(leases.map((taken) => taken.release()));
      return undefined;
    }
    leases.push(lease);
  }
  return leases;
}

/** get-port answers another port when the wanted one is taken on any interface. */
async function areFree(ports: readonly number[]): Promise<boolean> {
  // It keeps what it has answered from whoever asks in the next seconds, also what came to nothing: here the leases do that.
  clearLockedPorts();
  for (const port of ports) {
    if ((await getPort({ port })) !== port) return false;
  }
  return true;
}
