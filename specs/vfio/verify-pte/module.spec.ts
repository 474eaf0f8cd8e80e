import { expect, test } from '../../../fixtures/index.js';
import { insertOwnModule, removeModule } from '../../../lib/guest/module/index.js';
import { verifyPte } from '../../../lib/guest/verify-pte/index.js';

test('loaded and removed again it leaves nothing behind', async ({ guest, kernelLog }) => {
  const state = async (): Promise<string> =>
    guest.succeed([
      'sh',
      '-c',
      'ls /proc | grep -v "^[0-9]"; lsmod | cut -d" " -f1; cat /proc/sys/kernel/tainted',
    ]);
  // A kernel that nothing has tainted yet is tainted by the first time.
  await insertOwnModule(guest, 'verify_pte');
  await removeModule(guest, 'verify_pte');
  const before = await state();
  for (let round = 0; round < 5; round += 1) {
    await insertOwnModule(guest, 'verify_pte');
    await expect(verifyPte(guest, { address: 0x1000n, pid: 1 })).rejects.toMatchObject({
      failure: 'notMapped',
    });
    await removeModule(guest, 'verify_pte');
    await expect(verifyPte(guest, { address: 0x1000n, pid: 1 })).rejects.toThrow(/insmod verify_pte\.ko/);
  }
  expect(await state()).toBe(before);
  // Facility 0 is the kernel itself; levels up to 4 are warnings and worse. An interrupt that took long was kept waiting by the host.
  const complaints = (await kernelLog.entries()).filter(
    ({ facility, level = 7, text }) =>
      facility === 0 &&
      level <= 4 &&
      !text.startsWith('hrtimer: interrupt took') &&
      !/^verify_pte: (loading out-of-tree module|module verification failed)/.test(text),
  );
  expect(complaints).toEqual([]);
});

test('removed while a file is open, the file answers no more and closes in good order', async ({ guest }) => {
  await insertOwnModule(guest, 'verify_pte');
  const { stdout, exitCode } = await guest.shell(
    `exec 3<>/proc/verify_pte; echo 1:1000 >&3
     rmmod verify_pte || exit 1
     cat <&3 2>&1; echo 1:1000 >&3 || echo "refused"
     exec 3>&-; echo closed`,
  );
  expect(stdout).not.toContain('Virtual Address');
  expect(stdout).not.toContain('Error: Could not');
  expect(stdout.trim().split('\n').at(-1)).toBe('closed');
  expect(exitCode).toBe(0);
});

test('its file is for root alone', async ({ guest }) => {
  await insertOwnModule(guest, 'verify_pte');
  expect(await guest.succeed(['stat', '-c', '%a %u', '/proc/verify_pte'])).toBe('600 0\n');
});
