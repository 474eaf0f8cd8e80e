import { expect, test } from '../../../fixtures/index.js';
import { insertOwnModule } from '../../../lib/guest/module/index.js';
import { bit } from '../../../lib/paging/index.js';
import { pokePte } from '../../support/protections.js';

// Not a lost connection, which would be no verdict: a healthy program was refused its own memory.
test.use({
  needs: ['@own-modules'],
  kernelReports: { expect: [{ kind: 'segfault', title: /the ssh server died of SIGSEGV/, count: 1 }] },
});

test('an ssh server whose memory is closed to it dies, and that is a report about the kernel', async ({
  guest,
}) => {
  await insertOwnModule(guest, 'poke_pte');
  // The youngest of them serves this connection, and waits in a system call: /proc/PID/syscall ends with its stack pointer and its next instruction.
  const { stdout } = await guest.shell(
    'for pid in $(pidof dropbear sshd); do echo $pid $(cat /proc/$pid/syscall); done',
  );
  const [server] = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .sort(([a], [b]) => Number(b) - Number(a));
  const stack = BigInt(server?.at(-2) ?? 0) & ~0xfffn;
  const poke = pokePte(guest, { pid: Number(server?.[0]), address: stack, change: 'clear', mask: bit(2) });
  await expect(poke).rejects.toThrow(/connection lost/);
  expect((await guest.shell('echo alive')).stdout).toBe('alive\n');
});
