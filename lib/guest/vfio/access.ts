import type { Reply } from '../tool/index.js';

/**
 * What came of one access by the process to its own memory.
 * - `done`: it went through.
 * - `fault`: the kernel answered with a signal.
 * - `stalled`: it faulted for ever without a signal, until the tool's timer took it away. That is how a write to a page whose
 *   `_PAGE_USER` was cleared ends: the VMA permits it, so the kernel finds nothing to do and returns to the same instruction.
 */
export type Access =
  | {
      readonly outcome: 'done';
      readonly address: bigint;
      readonly access: AccessKind;
      readonly value: bigint | undefined;
    }
  | {
      readonly outcome: 'stalled';
      readonly address: bigint;
      readonly access: AccessKind;
      readonly afterMs: number;
    }
  | {
      readonly outcome: 'fault';
      readonly address: bigint;
      readonly access: AccessKind;
      /** Such as `SIGSEGV`. */
      readonly signal: string;
      /** The signal's si_code by name, such as `SEGV_ACCERR`. */
      readonly code: string;
      /** The page-fault error code that the CPU pushed (SDM vol. 3, 4.7), from the signal frame. */
      readonly errorCode: number;
      readonly faultAddress: bigint;
    };

export type AccessKind = 'read' | 'write' | 'execute';

/** Decodes a reply of the tool, or the part of one, that describes an access. */
export function accessOf(reply: Reply): Access {
  const address = reply.bigint('address');
  const access = reply.text('access') as AccessKind;
  switch (reply.text('outcome')) {
    case 'done':
      return {
        outcome: 'done',
        address,
        access,
        value: reply.has('value') ? reply.bigint('value') : undefined,
      };
    case 'stalled':
      return { outcome: 'stalled', address, access, afterMs: reply.number('timeoutMs') };
    default:
      return {
        outcome: 'fault',
        address,
        access,
        signal: reply.text('signal'),
        code: reply.text('code'),
        errorCode: Number(reply.bigint('errorCode')),
        faultAddress: reply.bigint('faultAddress'),
      };
  }
}
