import { expect, test } from '../../fixtures/index.js';
import { MachineDiedError } from '../../lib/machine/errors.js';

/** The error that `work` ends with once this test's QEMU is killed. */
async function errorAfterKill(pid: number, work: Promise<unknown>): Promise<unknown> {
  // The work is under way: its error is awaited from the beginning, so that none goes unhandled.
  const outcome = work.then(
    () => undefined,
    (error: unknown) => error,
  );
  process.kill(pid, 'SIGKILL');
  return await outcome;
}

// Five seconds are what the error may take: a test that waits for longer ends in its own time-out, which fails it.
test.describe.configure({ timeout: 20_000 });

test.describe('a machine that was booted', () => {
  // Its console holds the boot; a restored machine's begins where the snapshot ended.
  test.use({ machineOptions: { coldBoot: true } });

  test('a guest command ends with the news that QEMU died', async ({ machine, guest }) => {
    await guest.run(['true']);
    const began = performance.now();
    const error = await errorAfterKill(machine.pid, machine.guard(guest.run(['sleep', '60'])));
    expect(error).toBeInstanceOf(MachineDiedError);
    expect((error as Error).message).toMatch(/QEMU died while the test used it: signal SIGKILL/);
    expect((error as Error).message).toContain('e2e: ready');
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

test('a monitor command ends with the news that QEMU died', async ({ machine, monitor }) => {
  const error = await errorAfterKill(
    machine.pid,
    machine.guard(monitor.command('info mtree -f').then(() => new Promise(() => undefined))),
  );
  expect(error).toBeInstanceOf(MachineDiedError);
});

test('what is asked of a dead machine is answered at once', async ({ machine, guest, vfio }) => {
  const process_ = await vfio.process();
  await errorAfterKill(machine.pid, machine.guard(guest.run(['sleep', '60'])));
  await expect(process_.access(0n)).rejects.toThrow(MachineDiedError);
  await expect(machine.guard(guest.run(['true']))).rejects.toThrow(MachineDiedError);
});

test('a recording ends when QEMU dies amid writes', async ({ machine, vfio, recordPtes }) => {
  const target = await vfio.process();
  const buffer = await target.alloc({ pages: 64 });
  const history = await recordPtes({ process: target, buffer });
  const writes = machine.guard(target.request('mprotect', { ...buffer, protection: 'r' }));
  const error = await errorAfterKill(machine.pid, writes);
  expect(error).toBeInstanceOf(MachineDiedError);
  await expect.poll(() => history.blind?.why).toMatch(/QEMU/);
});
