import { InfrastructureError } from '../errors.js';

/** Something went wrong between this process and a gdb stub. */
export class GdbError extends InfrastructureError {
  override readonly name: string = 'GdbError';
}

/** The connection could not be made: nothing listens there. QEMU's stub is there only with DEBUG set, or after `gdbserver`. */
export class GdbConnectError extends GdbError {
  override readonly name = 'GdbConnectError';
  /** The system's error code, for example `ECONNREFUSED`. */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What came is not the remote protocol, or not what the request asked for. The connection is closed then. */
export class GdbProtocolError extends GdbError {
  override readonly name = 'GdbProtocolError';
}

/** A deadline passed. After a request's the connection is closed; after `waitForStop` it goes on, and so does the VM. */
export class GdbTimeoutError extends GdbError {
  override readonly name = 'GdbTimeoutError';
}

/** The connection is gone. `byPeer`: QEMU's side ended it. */
export class GdbClosedError extends GdbError {
  override readonly name = 'GdbClosedError';
  readonly byPeer: boolean;

  constructor(message: string, byPeer: boolean, options?: ErrorOptions) {
    super(message, options);
    this.byPeer = byPeer;
  }
}

/** The stub understood the request and refused it: an `E` reply, or the empty one that means "not supported". */
export class GdbRefusedError extends GdbError {
  override readonly name = 'GdbRefusedError';
  readonly request: string;
  /** The stub's reply: `E22`, or empty. */
  readonly reply: string;

  constructor(request: string, reply: string) {
    super(
      `The gdb stub ${reply === '' ? 'does not support' : `answered ${reply} to`} "${request.slice(0, 80)}"`,
    );
    this.request = request;
    this.reply = reply;
  }
}

/** A request was made in the wrong state: most work only while the VM is stopped (any byte sent to a running one stops it). */
export class GdbStateError extends GdbError {
  override readonly name = 'GdbStateError';
}
