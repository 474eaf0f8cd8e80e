import type { Socket } from 'node:net';
import { budgetClock } from '../host/budget/index.js';
import { encodePacket } from './packet.js';

/**
 * Undoes what a connection made by mistake does to a VM: QEMU's stub stops it for each new client. Acknowledges the stop reply that
 * has come, detaches, which resumes the VM, and closes the connection. For a stub that has sent a stop reply: one that says nothing
 * found the VM standing already, and is to be left alone.
 *
 * @returns whether the stub has confirmed the detaching within `budgetMs`
 */
export async function letRun(socket: Socket, budgetMs: number): Promise<boolean> {
  let seen = '';
  let cancel: (() => void) | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      cancel = budgetClock.after(budgetMs, () => {
        resolve(false);
      });
      socket.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
        // Not acknowledged: any byte may stop a running VM again.
        if (seen.includes(encodePacket('OK'))) resolve(true);
      });
      socket.on('close', () => {
        resolve(false);
      });
      socket.resume();
      socket.write(`+${encodePacket('D')}`, 'latin1');
    });
  } finally {
    cancel?.();
    socket.destroy();
  }
}
