import { expect, test } from '../../../fixtures/index.js';
import {
  verifyPte as queryOnce,
  type PteQuery,
  type VerifyPteError,
  type VerifyPteFailure,
} from '../../../lib/guest/verify-pte/index.js';

/** A process number that no process has: the kernel gives out numbers below /proc/sys/kernel/pid_max, 32,768 here. */
const nobody = 4_000_000;
/** kthreadd: user-mode memory is what it has none of. */
const kernelThread = 2;

const queries: readonly (readonly [string, PteQuery, VerifyPteFailure, RegExp])[] = [
  ['no such process', { address: 0x1000n, pid: nobody }, 'noProcess', /no process 4000000.*alive/],
  ['a kernel thread', { address: 0x1000n, pid: kernelThread }, 'noAddressSpace', /kernel threads/],
  ['an address that nothing maps', { address: 0x1000n, pid: 1 }, 'notMapped', /0x1000.*mapped and touched/],
  ['the highest user address', { address: 0x7fff_ffff_f000n, pid: 1 }, 'notUserAddress', /lower half/],
  ['a kernel address', { address: 0xffff_8880_0000_0000n, pid: 1 }, 'notUserAddress', /lower half/],
  ['a non-canonical address', { address: 0x0000_8000_0000_0000n, pid: 1 }, 'notUserAddress', /lower half/],
  ['the very last address', { address: (1n << 64n) - 1n, pid: 1 }, 'notUserAddress', /lower half/],
];

test('a query without an entry is answered with an error that says why and what to do', async ({
  verifyPte,
}) => {
  for (const [what, query, failure, message] of queries) {
    await test.step(what, async () => {
      const error = await verifyPte.entry(query).then(
        () => undefined,
        (cause: unknown) => cause as VerifyPteError,
      );
      expect(error).toMatchObject({ name: 'VerifyPteError', failure });
      expect(error?.message).toMatch(message);
    });
  }
});

test('a process that has ended and was not waited for is named as one without memory', async ({
  vfio,
  verifyPte,
}) => {
  const process = await vfio.process();
  const child = await process.request('fork');
  const [pid, handle] = [child.number('pid'), child.number('child')];
  const { address } = await process.alloc({ pages: 1 });
  await process.request('kill', { child: handle });
  // SIGKILL works when the child next runs.
  await expect(async () => {
    await expect(verifyPte.entry({ address, pid })).rejects.toMatchObject({ failure: 'noAddressSpace' });
  }).toPass();
  await process.request('wait', { child: handle });
  await expect(verifyPte.entry({ address, pid })).rejects.toMatchObject({ failure: 'noProcess' });
});

test('malformed input is refused when written, and is never answered with an older entry', async ({
  guest,
  verifyPte,
  vfio,
}) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 });
  await verifyPte.entry({ address, pid: process.pid });
  const malformed = ['', 'hello', '1:', ':0x1000', '-1:0x1000', '0:0x1000', '1:0x1000:2', '1 0x1000'];
  malformed.push('99999999999:0x1000', '0x1ffffffffffffffff', '1:0x', 'x'.repeat(64), 'x'.repeat(5_000));
  for (const input of malformed) {
    await test.step(`'${input.slice(0, 40)}'`, async () => {
      // One write(2), as a program makes it: the shell's printf may split what is long.
      const write = await guest.run(['dd', 'of=/proc/verify_pte', 'bs=8192'], {
        stdin: `${input}
`,
      });
      expect(write.exitCode).not.toBe(0);
      expect(write.stderr).toMatch(/invalid argument/i);
      expect(await guest.succeed(['cat', '/proc/verify_pte'])).toMatch(/^Error: Invalid input/);
    });
  }
  expect(await verifyPte.entry({ address, pid: process.pid })).toMatchObject({ present: true });
});

test('without the module the error says what to load', async ({ guest }) => {
  await expect(queryOnce(guest, { address: 0x1000n, pid: 1 })).rejects.toThrow(
    /insmod verify_pte\.ko, built for the kernel that runs/,
  );
});
