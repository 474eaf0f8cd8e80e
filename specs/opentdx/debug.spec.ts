import { expect, test } from '../../fixtures/index.js';
import { connectGdb } from '../../lib/gdb/index.js';

// Another machine than the other specs': by its name this file is the first, which saves a boot.
test.use({ machineOptions: { debug: true } });

test('with DEBUG L1 starts stopped with its gdb stub open, and the harness continues it', async ({
  machine,
  guest,
}) => {
  expect(machine.commandLine).toContain('-S');
  expect((await guest.succeed(['uname', '-s'])).trim()).toBe('Linux');
  const gdb = await machine.guard(connectGdb({ port: machine.ports.debug }));
  expect((await machine.guard(gdb.vcpus())).length).toBe(machine.vcpus);
  await gdb.detach();
  expect((await guest.succeed(['uname', '-s'])).trim()).toBe('Linux');
});
