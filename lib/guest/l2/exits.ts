import { InfrastructureError } from '../../errors.js';
import type { Reply } from '../tool/index.js';

/** A read or a write of a device: an address that no memory slot has. */
export interface MmioExit {
  readonly exit: 'mmio';
  /** Guest-physical. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  readonly write: boolean;
  /** What was written; undefined for a read. */
  readonly value: bigint | undefined;
}

/** What the vCPU came out of KVM_RUN for; see images/l2/README.md. */
export type L2Exit =
  | MmioExit
  | { readonly exit: 'hlt' | 'shutdown' | 'timeout' }
  /** Nothing that a spec wants: `detail` says what KVM said. */
  | { readonly exit: 'io' | 'failEntry' | 'internalError' | 'error' | 'other'; readonly detail: string };

/** @throws InfrastructureError for an exit that the program should not know */
export function exitOf(reply: Reply): L2Exit {
  const exit = reply.text('exit');
  switch (exit) {
    case 'mmio': {
      const write = reply.flag('write');
      return {
        exit,
        address: reply.bigint('address'),
        size: reply.number('size'),
        write,
        value: write ? reply.bigint('value') : undefined,
      };
    }
    case 'hlt':
    case 'shutdown':
    case 'timeout':
      return { exit };
    case 'io':
      return { exit, detail: `port ${reply.number('port')}` };
    case 'failEntry':
      return { exit, detail: `reason 0x${reply.bigint('reason').toString(16)}` };
    case 'internalError':
      return { exit, detail: `suberror ${reply.number('suberror')}` };
    case 'error':
      return { exit, detail: reply.text('errno') };
    case 'other':
      return { exit, detail: `KVM's exit reason ${reply.number('reason')}` };
    default:
      throw new InfrastructureError(
        `l2-host told of an exit that this harness does not know: ${exit}. Is it this project's?`,
      );
  }
}
