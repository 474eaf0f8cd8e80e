import { createConnection } from 'node:net';

/** For QEMU's user-mode network to hear from the guest, or not. */
const patienceMs = 1_500;

/** What a connection to a guest's forwarded ssh port meets, in a word or two that complete "ssh …". */
export function sshPortState(port: number): Promise<string> {
  return new Promise((resolve) => {
    const connection = createConnection({ host: '127.0.0.1', port });
    const is = (state: string): void => {
      connection.destroy();
      resolve(state);
    };
    connection.setTimeout(patienceMs, () => {
      is('silent (the connection was accepted by QEMU, and no banner came from the guest)');
    });
    connection.once('error', () => {
      is('refused (nothing listens on the forwarded port)');
    });
    connection.once('end', () => {
      is('refused (the guest closed the connection without a banner: no server listens in it)');
    });
    connection.once('data', () => {
      is('answered with a banner, but no command ran');
    });
  });
}
