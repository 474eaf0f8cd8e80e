import type { ParsedKey } from 'ssh2';
import { GuestUnreachableError, type UnreachableReason } from './errors.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** What all ssh connections to a guest share. */
export interface ConnectionOptions {
  readonly title: string;
  readonly endpoint: Endpoint;
  readonly identity: ParsedKey;
  /** The keys of which the server must have one; undefined: any will do. */
  readonly hostKeys: readonly Buffer[] | undefined;
  /** For a connection with login and the start of a command on it. */
  readonly connectTimeoutMs: number;
  /** Aborted when the guest is gone; its reason is what pending calls are rejected with. */
  readonly signal: AbortSignal;
  /** Asked while an answer is awaited: how the guest's machine stands still (`VM status: paused`); undefined while it runs. */
  readonly standstill?: () => Promise<string | undefined>;
}

/** The error for a guest that cannot be asked; empty parts of what was seen are left out. */
export function unreachable(
  { title, endpoint }: ConnectionOptions,
  reason: UnreachableReason,
  ...seen: string[]
): GuestUnreachableError {
  const said = seen.filter((part) => part !== '').join('; ');
  return new GuestUnreachableError(title, `${endpoint.host}:${endpoint.port}`, reason, said);
}
