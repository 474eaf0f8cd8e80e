import { expect, test } from '@playwright/test';
import { connectGdb, GdbProtocolError, GdbTimeoutError } from '../../../lib/gdb/index.js';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { FirmwareQemu } from '../monitor/firmware-qemu.js';

/** SeaBIOS's entry, where the reset vector jumps to: f000:e05b. */
const BIOS_ENTRY = 0xfe05bn;

async function withStub(...args: string[]) {
  const qemu = await FirmwareQemu.start('-S', '-smp', '2', '-m', '64', ...args);
  const { monitor, port } = await qemu.orEnd(async () => {
    const monitor = await connectMonitor({ path: qemu.monitorPath });
    return { monitor, port: await qemu.openStub(monitor) };
  });
  return {
    qemu,
    monitor,
    port,
    async [Symbol.asyncDispose]() {
      await monitor.close();
      await qemu[Symbol.asyncDispose]();
    },
  };
}

test('registers of every vCPU agree with the monitor', async () => {
  await using vm = await withStub();
  const { monitor, port } = vm;
  const gdb = await connectGdb({ port });
  await gdb.setBreakpoint(BIOS_ENTRY);
  await gdb.cont();
  await gdb.waitForStop(10_000);
  const byMonitor = await monitor.infoRegisters();
  const byGdb = await gdb.registers();
  expect(byGdb.map(({ cpu }) => cpu)).toEqual([0, 1]);
  for (const [cpu, registers] of byGdb.entries()) {
    const expected = byMonitor[cpu];
    expect(registers.get('rip')).toBe(expected?.rip);
    expect(registers.get('eflags')).toBe(expected?.rflags);
    for (const name of ['cr0', 'cr2', 'cr3', 'cr4', 'efer'] as const)
      expect(registers.get(name), name).toBe(expected?.[name]);
    for (const name of ['rax', 'rdx', 'rsp'] as const)
      expect(registers.get(name), name).toBe(expected?.general[name]);
    expect(registers.get('cs')).toBe(BigInt(expected?.segments.cs.selector ?? -1));
    expect(registers.get('mxcsr')).toBe(0x1f80n); // the last one: the layout fits the whole packet
  }
  expect(() => byGdb[0]?.get('cs_base')).toThrow(GdbProtocolError);
  await gdb.release();
});

test('memory, virtual and physical, agrees with the monitor', async () => {
  await using vm = await withStub();
  const { monitor, port } = vm;
  const gdb = await connectGdb({ port });
  const [byMonitor] = await monitor.xpBytes([{ address: 0xffffe000n, unit: 'g', count: 1024 }]);
  expect(Buffer.from(await gdb.readPhysical(0xffffe000n, 8192)).equals(Buffer.from(byMonitor ?? []))).toBe(
    true,
  );
  expect(Buffer.from(await gdb.readVirtual(0xffffe000n, 8192, 1)).equals(Buffer.from(byMonitor ?? []))).toBe(
    true,
  );
  await gdb.release();
});

test("calls at the same time do not take each other's vCPU", async () => {
  await using vm = await withStub();
  const gdb = await connectGdb({ port: vm.port });
  await gdb.step(0); // so that their instruction pointers differ
  const expected = (await vm.monitor.infoRegisters()).map(({ rip }) => rip);
  expect(new Set(expected).size).toBe(2);
  const all = await Promise.all([0, 1, 0, 1].map((cpu) => gdb.registersOf(cpu)));
  expect(all.map((registers) => registers.get('rip'))).toEqual([...expected, ...expected]);
  await gdb.release();
});

test('a breakpoint stops the VM each time it is met, on any way there', async () => {
  await using vm = await withStub();
  const { monitor, port } = vm;
  const gdb = await connectGdb({ port });
  await gdb.setBreakpoint(BIOS_ENTRY);
  await gdb.cont();
  expect(await gdb.waitForStop(10_000)).toEqual({ signal: 5, cpu: 0 });
  // Continuing from the breakpoint itself gets away from it.
  const from = (await gdb.registersOf(0)).get('rip');
  await gdb.step(0);
  expect((await gdb.registersOf(0)).get('rip')).not.toBe(from);
  await monitor.command('system_reset');
  await gdb.cont();
  await gdb.waitForStop(10_000);
  expect((await gdb.registersOf(0)).get('rip')).toBe(from);
  await gdb.cont();
  await expect(gdb.waitForStop(100)).rejects.toBeInstanceOf(GdbTimeoutError);
  expect((await monitor.infoStatus()).running).toBe(true);
  expect((await gdb.interrupt()).signal).toBe(2);
  await gdb.removeBreakpoint(BIOS_ENTRY);
  await monitor.command('system_reset');
  await gdb.cont();
  await expect(gdb.waitForStop(300)).rejects.toBeInstanceOf(GdbTimeoutError);
  await gdb.detach();
});

test('detach leaves the VM running, also one that the monitor had stopped; release leaves it stopped', async () => {
  await using vm = await withStub();
  const { monitor, port } = vm;
  const state = async () => (await monitor.infoStatus()).running;
  const first = await connectGdb({ port });
  await first.setBreakpoint(BIOS_ENTRY);
  await first.detach();
  expect(await state()).toBe(true);
  await monitor.stop();
  const second = await connectGdb({ port });
  await second.readPhysical(0n, 8);
  await second.release();
  expect(await state()).toBe(false);
  await (await connectGdb({ port })).detach();
  expect(await state()).toBe(true);
  // Attaching to a running VM stops it; a running client can be released and detached too.
  const third = await connectGdb({ port });
  expect(await state()).toBe(false);
  await third.cont();
  expect(await state()).toBe(true);
  await third.interrupt();
  await third.setBreakpoint(BIOS_ENTRY);
  await third.release();
  expect(await state()).toBe(false);
  // No breakpoint is left behind: the firmware comes past its entry.
  await monitor.command('system_reset');
  await monitor.cont();
  await expect.poll(async () => (await monitor.infoRegisters())[0]?.rip).not.toBe(0xfff0n);
  expect(await state()).toBe(true);
  const fourth = await connectGdb({ port });
  await fourth.cont();
  await fourth.detach();
  expect(await state()).toBe(true);
});

test('a VM resumed behind the back is noticed, not misread', async () => {
  await using vm = await withStub();
  const { monitor, port } = vm;
  const gdb = await connectGdb({ port });
  await gdb.vcpus();
  // The monitor may let the VM run and stop it again meanwhile; that alone does no harm, whichever news comes first.
  const before = await gdb.readPhysical(0xffff_0000n, 0x1_0000);
  for (let time = 0; time < 20; time += 1) {
    await monitor.cont();
    await monitor.stop();
    expect((await gdb.readPhysical(0xffff_0000n, 0x1_0000)).every((byte, at) => byte === before[at])).toBe(
      true,
    );
  }
  await monitor.cont();
  await expect(gdb.readPhysical(0xffff_0000n, 0x1_0000)).rejects.toThrow(/behind this debugger's back/);
});

test('a second debugger is told that another is attached; the end of QEMU is told to the first', async () => {
  await using vm = await withStub();
  const { port } = vm;
  const gdb = await connectGdb({ port });
  await expect(connectGdb({ port, timeoutMs: 600 })).rejects.toThrow(/another debugger is attached/);
  await gdb.cont();
  const waiting = expect(gdb.waitForStop(10_000)).rejects.toMatchObject({
    name: 'GdbClosedError',
    byPeer: true,
  });
  vm.qemu.kill('SIGKILL');
  await waiting;
});
