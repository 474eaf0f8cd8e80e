import { GuestUnreachableError, type UnreachableReason } from './errors.js';
import type { Endpoint } from './options.js';

/** What all ssh connections to a guest share. */
export interface ConnectionOptions {
  readonly title: string;
  readonly endpoint: Endpoint;
  /** The private folder in which every ssh runs (see options.ts for what lies in it). */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly hostKeyIsKnown: boolean;
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
