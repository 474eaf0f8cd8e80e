import { readFile } from 'node:fs/promises';

import { expect, test } from '../../fixtures/index.js';

test("L1 answers as root, over the checkout's key, on the kernel of the checkout", async ({ guest }) => {
  expect((await guest.succeed(['id', '-un'])).trim()).toBe('root');
  // What the launch script puts on the kernel's command line.
  expect(await guest.succeed(['cat', '/proc/cmdline'])).toMatch(/root=\/dev\/sda .*net\.ifnames=0/);
});

test("the checkout's folders are mounted in L1", async ({ guest }) => {
  const mounts = await guest.succeed(['cat', '/proc/mounts']);
  for (const share of ['qemu-l1', 'kvm-l1', 'linux-l2', 'scripts', 'edk2'])
    expect(mounts).toMatch(new RegExp(`^\\S+ /root/${share} 9p `, 'm'));
  await guest.succeed(['test', '-e', '/root/scripts/launch-td.sh']);
});

test('the machine is the QEMU below the launch script and sudo', async ({ machine }) => {
  const status = await readFile(`/proc/${machine.pid}/status`, 'utf8');
  expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe('0');
  expect(machine.commandLine.join(' ')).toContain(`:${machine.ports.monitor},`);
  expect(machine.commandLine[0]).toMatch(/qemu/);
  expect((await machine.monitor.infoStatus()).running).toBe(true);
});

test('pages of L1 can be read from outside', async ({ machine, memory }) => {
  test.info().annotations.push({ type: 'guest memory', description: memory.summary });
  const [cpu] = await machine.monitor.infoRegisters();
  const page = await memory.memory.read((cpu?.cr3 ?? 0n) & 0xffffffffff000n, 4096);
  expect(page.some((byte) => byte !== 0)).toBe(true);
});
