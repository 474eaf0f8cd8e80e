import { readFile, readdir, readlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';

import { execa } from 'execa';

import { expect, test } from '../../fixtures/index.js';
import { connectGdb } from '../../lib/gdb/index.js';

const launcher = 'images/reference/launch-opentdx.sh';

/** Local addresses of the TCP sockets on which a process listens, as /proc/net/tcp writes them: `0100007F:7A55`. */
async function listeners(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')),
  );
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]).filter(Boolean));
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  );
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A' && inodes.has(fields[9]))
    .map((fields) => fields[1] ?? '');
}

test('every port of the reference machine is bound to 127.0.0.1', async ({ machine }) => {
  const bound = await listeners(machine.pid);
  const { ssh, sshL2, debugL2, monitor } = machine.ports;
  const hex = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  expect(bound.sort()).toEqual([ssh, sshL2, debugL2, monitor].map(hex).sort());
});

/** QEMU's user network (SLIRP) leads connections to these addresses to the host itself. */
const hostAddresses = ['10.0.2.2', '10.0.2.3'];

test('the guest connects to nothing on the host', async ({ guest }) => {
  let connections = 0;
  const service = createServer((socket) => {
    connections += 1;
    socket.end('reached\n');
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = service.address() as AddressInfo;
    for (const address of hostAddresses) {
      const { stdout, exitCode } = await guest.run(['nc', '-w', '2', address, String(port)]);
      // 1: nc tried, and could not. A guest without nc would say 127.
      expect({ address, stdout, exitCode }).toEqual({ address, stdout: '', exitCode: 1 });
    }
    expect(connections).toBe(0);
  } finally {
    service.close();
  }
});

test('the guest has two vCPUs, a vIOMMU, and its device bound to vfio-pci', async ({ guest, stack }) => {
  expect((await guest.succeed(['nproc'])).trim()).toBe('2');
  const device = `/sys/bus/pci/devices/${stack.device}`;
  expect(await guest.succeed(['readlink', `${device}/driver`])).toMatch(/\/vfio-pci\n$/);
  // One group of its own: no other device keeps it from being passed through.
  expect((await guest.succeed(['ls', `${device}/iommu_group/devices`])).trim()).toBe(stack.device);
});

test.describe('with DEBUG', () => {
  test.use({ machineOptions: { debug: true } });

  test('the VM starts stopped with its gdb stub open, and the harness continues it', async ({
    machine,
    guest,
  }) => {
    expect(machine.commandLine).toContain('-S');
    expect((await guest.succeed(['uname', '-s'])).trim()).toBe('Linux');
    const gdb = await machine.guard(connectGdb({ port: machine.ports.debug }));
    expect(await machine.guard(gdb.vcpus())).toHaveLength(2);
    await gdb.detach();
    expect((await guest.succeed(['uname', '-s'])).trim()).toBe('Linux');
  });
});

test.describe('its command line', () => {
  for (const args of [['-h'], ['-x'], ['-m']]) {
    test(`prints the usage and exits 1 for ${args.join(' ')}`, async () => {
      const { exitCode, stdout } = await execa(launcher, args, { reject: false });
      expect(exitCode).toBe(1);
      expect(stdout).toContain(
        'Usage: launch-opentdx.sh [-m mem=1g] [-s smp=2] [-p ssh_port=10032] [-d debug_port=1234]',
      );
    });
  }

  test('names the kernel that is not there, and the remedy', async () => {
    const { exitCode, stderr } = await execa(launcher, [], { reject: false, env: { E2E_IMAGE: '/nowhere' } });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("/nowhere/vmlinux: no such file; 'npm run image' builds the guest");
  });
});
