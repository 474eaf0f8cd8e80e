import { expect, test } from '@playwright/test';
import {
  connectMonitor,
  MonitorBusyError,
  MonitorClosedError,
  MonitorCommandError,
  MonitorMemoryError,
  Transcript,
} from '../../../lib/monitor/index.js';
import { FirmwareQemu } from './firmware-qemu.js';

test('every typed call works over TCP and over a unix socket', async () => {
  await using qemu = await FirmwareQemu.start('-S', '-smp', '2', '-m', '64');
  for (const endpoint of [{ port: qemu.monitorPort }, { path: qemu.monitorPath }]) {
    await using monitor = await connectMonitor(endpoint);
    expect(await monitor.infoStatus()).toEqual({ running: false, state: 'prelaunch' });
    const cpus = await monitor.infoCpus();
    expect(cpus.map(({ cpu, selected }) => [cpu, selected])).toEqual([
      [0, true],
      [1, false],
    ]);
    const [first, second] = await monitor.infoRegisters();
    // The reset state of SDM vol. 3 table 10-1.
    expect(first).toMatchObject({
      cpu: 0,
      width: 32,
      rip: 0xfff0n,
      cr0: 0x60000010n,
      cr3: 0n,
      efer: 0n,
      cpl: 0,
      halted: false,
    });
    expect(first?.segments.cs).toMatchObject({ selector: 0xf000, base: 0xffff0000n, limit: 0xffffn });
    expect(second).toMatchObject({ cpu: 1, halted: true });
    expect(await monitor.infoMem()).toEqual({ pagingEnabled: false, entries: [] });
    expect(await monitor.infoTlb()).toEqual({ pagingEnabled: false, entries: [] });
    const memory = (await monitor.infoMtree()).find((view) => view.addressSpaces.includes('memory'));
    expect(memory?.ranges.filter(({ type }) => type === 'ram').at(-1)?.last).toBe(64n * 1024n * 1024n - 1n);
    expect(await monitor.gva2gpa(0x1234n)).toBe(0x1234n);
    expect(await monitor.gpa2hva(0x1000n)).toMatchObject({ kind: 'ram', region: 'pc.ram' });
    expect(await monitor.gpa2hva(1n << 40n)).toEqual({ kind: 'unmapped' });
    expect(await monitor.gpa2hva(0xfee00000n)).toEqual({ kind: 'not-ram' });
    expect(await monitor.help('stop')).toContain('stop emulation');
    await monitor.selectCpu(1);
    expect((await monitor.infoCpus()).find(({ selected }) => selected)?.cpu).toBe(1);
    await expect(monitor.selectCpu(7)).rejects.toBeInstanceOf(MonitorCommandError);
    await monitor.selectCpu(0);
  }
});

test('x and xp give the same bytes in every unit size', async () => {
  await using qemu = await FirmwareQemu.start('-S');
  await using monitor = await connectMonitor({ port: qemu.monitorPort });
  const address = 0xffff_fff0n; // the reset vector, in the firmware: not zeros
  const bytes = await monitor.xp({ address, unit: 'b', count: 8 });
  expect(bytes.some((byte) => byte !== 0n)).toBe(true);
  const word = (size: number, at: number) =>
    bytes.slice(at, at + size).reduceRight((value, byte) => (value << 8n) | byte, 0n);
  expect(await monitor.xp({ address, unit: 'h', count: 4 })).toEqual([0, 2, 4, 6].map((at) => word(2, at)));
  expect(await monitor.xp({ address, unit: 'w', count: 2 })).toEqual([0, 4].map((at) => word(4, at)));
  expect(await monitor.xp({ address, unit: 'g', count: 1 })).toEqual([word(8, 0)]);
  expect(await monitor.x({ address, unit: 'b', count: 8 })).toEqual(bytes);
  await expect(monitor.xp({ address: 0x4000_0000_0000n, unit: 'g', count: 1 })).rejects.toMatchObject({
    name: MonitorMemoryError.name,
    address: 0x4000_0000_0000n,
  });
});

test('stop and cont change what status says; the transcript has it all', async () => {
  await using qemu = await FirmwareQemu.start('-S');
  const transcript = new Transcript();
  await using monitor = await connectMonitor({ port: qemu.monitorPort, transcript });
  await monitor.cont();
  expect((await monitor.infoStatus()).running).toBe(true);
  await monitor.stop();
  expect(await monitor.infoStatus()).toEqual({ running: false, state: 'paused' });
  expect(transcript.entries.map(({ command }) => command)).toEqual([
    'cont',
    'info status',
    'stop',
    'info status',
  ]);
});

test('a reply with the prompt in it, alone on a line, arrives whole', async () => {
  const name = 'before\n(qemu) \n(qemu) a';
  await using qemu = await FirmwareQemu.start('-S', '-name', name);
  await using monitor = await connectMonitor({ port: qemu.monitorPort });
  for (let round = 0; round < 50; round += 1) {
    expect(await monitor.commands(['info name', 'info status'])).toEqual([
      `${name}\n`,
      'VM status: paused (prelaunch)\n',
    ]);
  }
});

test('the second client hears that the monitor is busy, and gets it when the first is gone', async () => {
  await using qemu = await FirmwareQemu.start('-S');
  for (const endpoint of [{ port: qemu.monitorPort }, { path: qemu.monitorPath }]) {
    const first = await connectMonitor(endpoint);
    await expect(connectMonitor({ ...endpoint, deadlineMs: 600 })).rejects.toBeInstanceOf(MonitorBusyError);
    await first.close();
    await using second = await connectMonitor(endpoint);
    expect((await second.infoStatus()).running).toBe(false);
  }
});

test('a client that left in the middle of a command leaves nothing to the next', async () => {
  await using qemu = await FirmwareQemu.start('-S');
  for (let round = 0; round < 5; round += 1) {
    const first = await connectMonitor({ port: qemu.monitorPort });
    const pending = expect(first.commands(['info mtree', 'help', 'info qtree'])).rejects.toBeInstanceOf(
      MonitorClosedError,
    );
    await first.close();
    await pending;
    await using second = await connectMonitor({ port: qemu.monitorPort });
    expect(await second.command('info status')).toBe('VM status: paused (prelaunch)\n');
  }
});

test('SIGKILL of QEMU rejects what is pending; quit is not an error', async () => {
  await using qemu = await FirmwareQemu.start('-S');
  await using monitor = await connectMonitor({ port: qemu.monitorPort });
  qemu.kill('SIGSTOP');
  const pending = monitor.command('info status');
  qemu.kill('SIGKILL');
  await expect(pending).rejects.toMatchObject({ name: 'MonitorClosedError', byPeer: true });
  await using other = await FirmwareQemu.start('-S');
  const quitting = await connectMonitor({ port: other.monitorPort });
  await quitting.quit();
  expect(quitting.closed).toBe(true);
});

test('a gdb stub opens on a running VM and closes again', async () => {
  await using qemu = await FirmwareQemu.start('-S');
  await using monitor = await connectMonitor({ path: qemu.monitorPath });
  await expect(monitor.gdbserver(qemu.monitorPort)).rejects.toBeInstanceOf(MonitorCommandError);
  await monitor.gdbserver(0);
  expect(qemu.ports).toHaveLength(2);
  await monitor.gdbserver('none');
  expect(qemu.ports).toHaveLength(1);
});
