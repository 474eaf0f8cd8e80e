import { InfrastructureError } from '../../errors.js';

/** Why a guest could not be reached over ssh: what a wait strategy names when its time is over. */
export type UnreachableReason =
  /** Nothing listens on the port. */
  | 'connection refused'
  /** The connection was accepted, then closed without a banner: QEMU's hostfwd before the guest's server listens. */
  | 'closed without a banner'
  /** The connection was accepted and nothing came: QEMU's hostfwd before the guest's network is up, or a stopped guest. */
  | 'no banner'
  /** Something answered that is not an ssh server. */
  | 'not an ssh server'
  /** The server does not accept the key. */
  | 'permission denied'
  /** The server's host key is not the one that is known. */
  | 'host key mismatch'
  /** There was a connection, or one was being made, and it ended. */
  | 'connection lost'
  /** The guest's machine stands still: somebody stopped it, or QEMU did, and nobody lets it run. */
  | 'VM stopped'
  /** The server answered, but a command did not come to its end in time. */
  | 'no answer in time'
  /** The login shell ended before it took the command: a start-up file that exits, or a shell that is none. */
  | 'no shell'
  /** The host's side could not connect: no socket or no local port was left, or none may be opened. */
  | 'client failed';

const ADVICE: Record<UnreachableReason, string> = {
  'connection refused': 'Look whether the VM still runs and whether this is its port.',
  'closed without a banner':
    'The guest is up but its ssh server does not listen yet, or ends at once: see the console log.',
  'no banner':
    'The guest has no network yet, is stopped by a debugger, or hangs: see the console log and the monitor.',
  'not an ssh server': 'Another program listens on this port: look at the port arithmetic of the launcher.',
  'permission denied': "Compare the identity file with the guest's authorized_keys.",
  'host key mismatch':
    'Another machine answered on this port, or the guest image was rebuilt: build it anew.',
  'connection lost': 'See the console log for a panic or a reboot at that time.',
  'VM stopped':
    'Nobody in a stopped VM can answer: let it run (`cont` in the monitor) before the guest is asked.',
  'no answer in time': 'The guest is overloaded or hangs: see the console log.',
  'no shell': "Look at the user's login shell and its start-up files in the guest.",
  'client failed': "Look at the host's limits: open files (ulimit -n), local ports, firewall.",
};

/** The guest cannot be asked. `seen` holds what was really observed, cleaned and bounded. */
export class GuestUnreachableError extends InfrastructureError {
  override readonly name = 'GuestUnreachableError';
  readonly reason: UnreachableReason;
  readonly seen: string;

  constructor(
    title: string,
    endpoint: string,
    reason: UnreachableReason,
    seen: string,
    options?: ErrorOptions,
  ) {
    super(
      `${title}: cannot reach the guest at ${endpoint}: ${reason}. Seen: ${seen}. ${ADVICE[reason]}`,
      options,
    );
    this.reason = reason;
    this.seen = seen;
  }
}

/** A command, or an answer of a guest process, did not come within its budget. */
export class GuestTimeoutError extends InfrastructureError {
  override readonly name = 'GuestTimeoutError';
}

/** The guest sent more than was allowed. The process that sent it was ended. */
export class GuestOutputLimitError extends InfrastructureError {
  override readonly name = 'GuestOutputLimitError';
}

/** A long-lived guest process ended while something was awaited from it. */
export class GuestProcessEndedError extends InfrastructureError {
  override readonly name = 'GuestProcessEndedError';
}

/** The private key cannot be used. */
export class IdentityFileError extends InfrastructureError {
  override readonly name = 'IdentityFileError';
}

export type FileFailure =
  'no such file' | 'no space' | 'permission denied' | 'is a folder' | 'read-only' | 'incomplete' | 'failed';

/** A file could not be brought into the guest or out of it. */
export class GuestFileError extends InfrastructureError {
  override readonly name = 'GuestFileError';
  readonly failure: FileFailure;

  constructor(failure: FileFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/**
 * A command ran in the guest, and its exit code is not the one that was asked for. This is a statement about the guest,
 * so it is no InfrastructureError.
 */
export class GuestCommandError extends Error {
  override readonly name = 'GuestCommandError';
  readonly command: string;
  readonly exitCode: number;
  readonly output: string;

  constructor(message: string, command: string, exitCode: number, output: string) {
    super(message);
    this.command = command;
    this.exitCode = exitCode;
    this.output = output;
  }
}
