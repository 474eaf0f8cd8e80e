import { type Access, accessOf } from './access.js';
import type { DmaMapping } from './mapping.js';
import type { Reply } from '../tool/index.js';

/** What came of touching a number of pages once each, in pages. */
export interface Touches {
  readonly done: number;
  readonly fault: number;
  readonly stalled: number;
  /** The first access that got a signal. */
  readonly firstFault: Access | undefined;
}

/** One vCPU's part. */
export interface CpuTouches {
  readonly cpu: number;
  readonly before: Touches;
  readonly after: Touches;
}

export interface TouchMapTouch {
  readonly mapping: DmaMapping;
  /** On the vCPU that made the mapping. */
  readonly own: CpuTouches;
  /** On another vCPU; undefined in a machine that has only one. */
  readonly other: CpuTouches | undefined;
}

export function touchesOf(reply: Reply): CpuTouches {
  return { cpu: reply.number('cpu'), before: tally(reply.part('before')), after: tally(reply.part('after')) };
}

function tally(reply: Reply): Touches {
  return {
    done: reply.number('done'),
    fault: reply.number('fault'),
    stalled: reply.number('stalled'),
    firstFault: reply.has('firstFault') ? accessOf(reply.part('firstFault')) : undefined,
  };
}
