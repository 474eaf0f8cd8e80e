import type { Access } from '../vfio/access.js';
import { accessOf } from '../vfio/access.js';
import type { Reply } from '../tool/index.js';
import type { Attempt, Scene } from './route.js';

/** An access by a process of its own to an address, in the direction that is wanted. */
export async function touch(
  { process, written }: Scene,
  access: 'read' | 'write' | 'execute',
  address: bigint,
  child?: bigint,
): Promise<Attempt> {
  const args = { address, access, value: access === 'write' ? written : undefined, child };
  return attemptOf(accessOf(await process.request('touch', args)));
}

/** An operation of vfio-map's `route`: the kernel moves 8 bytes on behalf of a process. */
export async function viaKernel(
  { process, buffer, written }: Scene,
  route: string,
  who: { readonly pid?: number; readonly child?: bigint } = {},
): Promise<Attempt> {
  const reply = await process.request('route', { route, address: buffer.address, value: written, ...who });
  return outcomeOf(reply);
}

function outcomeOf(reply: Reply): Attempt {
  if (reply.text('outcome') !== 'done') return { outcome: 'refused', why: reply.text('errno') };
  return { outcome: 'done', ...(reply.has('value') ? { value: reply.bigint('value') } : {}) };
}

function attemptOf(access: Access): Attempt {
  switch (access.outcome) {
    case 'done':
      return { outcome: 'done', ...(access.value === undefined ? {} : { value: access.value }) };
    case 'stalled':
      return { outcome: 'refused', why: 'faults for ever' };
    case 'fault':
      return { outcome: 'refused', why: `${access.signal}, error code 0x${access.errorCode.toString(16)}` };
  }
}
