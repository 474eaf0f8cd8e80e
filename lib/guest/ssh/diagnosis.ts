import type { UnreachableReason } from './errors.js';

/** What the library ssh2 (1.17) says of a connection that failed: the layer, and the kernel's code if it was the socket. */
export interface ConnectionFailure extends Error {
  readonly level?: string;
  readonly code?: string | number;
}

/**
 * Why a connection to an ssh server could not be made.
 *
 * @param failure the first error; undefined: the server closed the connection without one.
 * @param handshakeDone whether keys had been exchanged by then.
 */
export function diagnose(failure: ConnectionFailure | undefined, handshakeDone: boolean): UnreachableReason {
  switch (failure?.level) {
    case 'client-authentication':
      return 'permission denied';
    case 'client-socket':
      return ofSocket(String(failure.code), handshakeDone);
    case 'handshake':
      return failure.message.startsWith('Host denied') ? 'host key mismatch' : 'connection lost';
    case 'protocol':
      if (handshakeDone) return 'connection lost';
      return failure.message === 'Connection lost before handshake'
        ? 'closed without a banner'
        : 'not an ssh server';
    default:
      // The reader of the first line throws an error that names no layer; a server that says goodbye gives its reason as a code.
      return failure && failure.code === undefined && !handshakeDone
        ? 'not an ssh server'
        : 'connection lost';
  }
}

function ofSocket(code: string, handshakeDone: boolean): UnreachableReason {
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return handshakeDone ? 'connection lost' : 'closed without a banner';
    case 'ETIMEDOUT':
      return 'connection lost';
    default:
      return 'client failed';
  }
}
