import { expect, test } from '../../../fixtures/index.js';
import { insertModule, insertOwnModule, ownModuleFile } from '../../../lib/guest/module/index.js';
import { createGuestShell, type GuestShell } from '../../../lib/guest/ssh/index.js';
import { startVfioTool } from '../../../lib/guest/vfio/tool.js';
import { verifyPte } from '../../../lib/guest/verify-pte/index.js';
import { vfioFailure } from './failure.js';

/** The same guest, entered as a user who is not root. */
const unprivileged = test.extend<{ nobody: GuestShell }>({
  nobody: async ({ guest, machine, stack }, use) => {
    await guest.succeed([
      'sh',
      '-ec',
      `mkdir -p /home/nobody/.ssh; cp /root/.ssh/authorized_keys /home/nobody/.ssh/
       chown -R nobody /home/nobody; chmod -R go= /home/nobody
       sed -i 's#^nobody:.*#nobody:x:65534:65534:nobody:/home/nobody:/bin/sh#' /etc/passwd
       ln -sf /usr/local/bin/vfio-map /usr/bin/vfio-map; ln -sf /bin/busybox /usr/bin/insmod`,
    ]);
    await using shell = await createGuestShell({
      ...stack.access,
      user: 'nobody',
      host: '127.0.0.1',
      port: machine.ports.ssh,
      title: 'The guest as nobody',
    });
    await use(shell);
  },
});

unprivileged('a user who is not root may not open the group', async ({ nobody, stack }) => {
  const tool = await startVfioTool(nobody);
  expect((await tool.request('hello')).number('uid')).toBe(65534);
  const { failure, message } = await vfioFailure(tool.request('open', { device: stack.device }));
  expect(failure).toMatchObject({ kind: 'permission', errno: 'EACCES' });
  expect(message).toMatch(/open \/dev\/vfio\/\d+: EACCES.*connect to the guest as root, or chown/);
});

unprivileged('the owner of the group may, within RLIMIT_MEMLOCK', async ({ guest, nobody, stack }) => {
  await guest.succeed(['sh', '-c', 'chown nobody /dev/vfio/[0-9]*; chmod 666 /dev/vfio/vfio']);
  const tool = await startVfioTool(nobody);
  await tool.request('open', { device: stack.device });
  const buffer = await tool.request('alloc', { pages: 4096 });
  const [vaddr, size] = [buffer.bigint('address'), buffer.bigint('size')];
  const { message } = await vfioFailure(tool.request('map', { vaddr, size, iova: 0x100000n }));
  expect(message).toMatch(/ENOMEM.*RLIMIT_MEMLOCK/);
  await tool.request('map', { vaddr, size: 4096n, iova: 0x100000n });
});

unprivileged(
  'a user who is not root may neither load modules nor ask verify_pte',
  async ({ guest, nobody }) => {
    const file = await ownModuleFile(guest, 'verify_pte');
    await expect(insertModule(nobody, file)).rejects.toMatchObject({ failure: 'notPermitted' });
    await expect(insertModule(nobody, file)).rejects.toThrow(/Only root may load and remove modules/);
    await insertOwnModule(guest, 'verify_pte');
    await expect(verifyPte(nobody, { address: 0x1000n, pid: 1 })).rejects.toThrow(
      /cannot be used: .*permission denied.*root alone.*Connect to the guest as root/is,
    );
  },
);
