import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { PTE_PFN_MASK, splitAddress } from '../../lib/paging/index.js';

/** A reply is over once nothing has come for so long. It is what such a script must choose: the prompt may be part of a reply. */
const silenceMs = 1000;

/**
 * A walk as it was made before there was this project: a plain connection to the monitor, `info registers` and an `xp` for each of four
 * levels, and after each a second of silence.
 *
 * @param root physical address of the PML4
 * @returns the leaf entry
 */
export async function walkByHand(port: number, root: bigint, address: bigint): Promise<bigint> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    await untilSilent(socket);
    socket.write('info registers\n');
    await untilSilent(socket);
    let entry = root;
    const { pml4, pdpt, pd, pt } = splitAddress(address);
    for (const index of [pml4, pdpt, pd, pt]) {
      const at = (entry & PTE_PFN_MASK) + BigInt(index) * 8n;
      socket.write(`xp /1xg 0x${at.toString(16)}\n`);
      const value = /: 0x([0-9a-f]{16})/.exec(await untilSilent(socket))?.[1];
      if (value === undefined) throw new Error(`The monitor told no entry at 0x${at.toString(16)}.`);
      entry = BigInt(`0x${value}`);
    }
    return entry;
  } finally {
    socket.destroy();
  }
}

async function untilSilent(socket: Socket): Promise<string> {
  let text = '';
  let last = performance.now();
  const onData = (data: Buffer): void => {
    text += data.toString('latin1');
    last = performance.now();
  };
  socket.on('data', onData);
  while (performance.now() - last < silenceMs) await delay(10);
  socket.off('data', onData);
  return text;
}
