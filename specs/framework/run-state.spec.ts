import { expect, test } from '../../fixtures/index.js';
import { connectGdb } from '../../lib/gdb/index.js';
import type { Machine } from '../../lib/machine/machine.js';
import type { VfioProcess } from '../../lib/guest/vfio/process.js';
import { connectMonitor } from '../../lib/monitor/index.js';

/** Where the kernel's timer works: something that every VM that runs comes to, whatever its guest does. */
async function tickOf(guest: { succeed: (argv: readonly string[]) => Promise<string> }): Promise<bigint> {
  const text = await guest.succeed(['grep', ' tick_irq_enter$', '/proc/kallsyms']);
  return BigInt(`0x${text.split(' ')[0] ?? ''}`);
}

const runs = async (machine: Machine): Promise<boolean> => (await machine.status()).running;

/** A look at page tables, as any check takes it. */
const look = async (process: VfioProcess): Promise<boolean> =>
  (await process.walk((await process.alloc({ pages: 1 })).address)).mapped;

test('a look while a debugger has the VM stopped leaves it stopped, and the debugger at its place', async ({
  machine,
  vfio,
  attachDebugger,
}) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 });
  const gdb = await attachDebugger();
  const before = await gdb.registersOf(0);
  expect((await process.walk(address)).mapped).toBe(true);
  expect(await runs(machine)).toBe(false);
  expect(gdb.running).toBe(false);
  expect((await gdb.registersOf(0)).get('rip')).toBe(before.get('rip'));
  await gdb.cont();
  expect(await runs(machine)).toBe(true);
});

test('a look at a VM that a debugger lets run is none of the stops that the debugger waits for', async ({
  machine,
  guest,
  vfio,
  attachDebugger,
}) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 });
  const tick = await tickOf(guest);
  const gdb = await attachDebugger();
  await gdb.cont();
  const stop = gdb.waitForStop(30_000);
  let stopped = false;
  void stop.then(() => (stopped = true));
  for (let time = 0; time < 20; time += 1) expect((await process.walk(address)).mapped).toBe(true);
  expect(stopped).toBe(false);
  expect(gdb.running).toBe(true);
  expect(await runs(machine)).toBe(true);
  // And what it waits for does come, however often somebody looks meanwhile.
  await gdb.interrupt();
  expect(stopped).toBe(true);
  await gdb.setBreakpoint(tick);
  await gdb.cont();
  await Promise.all([gdb.waitForStop(30_000), process.walk(address)]);
  expect(gdb.running).toBe(false);
  expect((await gdb.registers()).map((cpu) => cpu.get('rip'))).toContain(tick);
  expect(await runs(machine)).toBe(false);
  await gdb.removeBreakpoint(tick);
});

test('looks inside of looks and beside them: the VM stands for all of them, and runs after the last', async ({
  machine,
  vfio,
}) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 });
  await machine.paused(async () => {
    await Promise.all([process.walk(address), process.walk(address), machine.registers()]);
    await machine.paused(() => process.scan());
    expect(await runs(machine), 'the outer look is on').toBe(false);
  });
  expect(await runs(machine)).toBe(true);
});

test('a VM that the spec stopped during a look stays so', async ({ machine, monitor, vfio }) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 });
  await machine.paused(async () => {
    await monitor.stop();
    expect((await process.walk(address)).mapped).toBe(true);
  });
  expect(await runs(machine)).toBe(false);
  await monitor.cont();
  expect(await look(process)).toBe(true);
  expect(await runs(machine)).toBe(true);
});

test('a debugger cannot let the VM run during a look of the same code, and waits for those of others', async ({
  machine,
  attachDebugger,
}) => {
  const gdb = await attachDebugger();
  await machine.paused(() =>
    expect(gdb.cont()).rejects.toThrow(/this code is in paused\(\), so that it cannot let the VM run/),
  );
  let end = (): void => undefined;
  const held = machine.paused(() => new Promise<void>((resolve) => (end = resolve)));
  await machine.paused(() => Promise.resolve());
  const continued = gdb.cont();
  expect(await runs(machine)).toBe(false);
  end();
  await Promise.all([held, continued]);
  expect(await runs(machine)).toBe(true);
});

test('a look while a person has the machine waits for him, and leaves it as he left it', async ({
  machine,
  vfio,
}) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 });
  let looked = false;
  let looking = Promise.resolve();
  await machine.lend(async () => {
    looking = process.walk(address).then(() => void (looked = true));
    await using monitor = await connectMonitor({ port: machine.ports.monitor });
    await monitor.stop();
    const gdb = await connectGdb({ port: machine.ports.debug });
    await gdb.release();
    expect(await monitor.infoStatus()).toMatchObject({ running: false });
  });
  expect(looked).toBe(false);
  await looking;
  expect(await runs(machine)).toBe(false);
  await machine.letRun();
  expect(await runs(machine)).toBe(true);
});

test('a debugger leaves a VM that stood before it came standing', async ({
  machine,
  monitor,
  attachDebugger,
}) => {
  await monitor.stop();
  const gdb = await attachDebugger();
  await expect(attachDebugger()).rejects.toThrow(/a debugger is attached already/);
  expect(gdb.running).toBe(false);
  await machine.gdb.detach();
  expect(await runs(machine)).toBe(false);
  await monitor.cont();
});

test('what the spec says to the monitor reaches a debugger that is attached', async ({
  machine,
  monitor,
  attachDebugger,
}) => {
  const gdb = await attachDebugger();
  // Not by the debugger: it knows all the same that the VM runs, and does not stop it by its next word.
  await monitor.cont();
  expect(gdb.running).toBe(true);
  const stop = gdb.waitForStop(30_000);
  await monitor.stop();
  expect(await stop).toMatchObject({ signal: 2 });
  expect(gdb.running).toBe(false);
  expect(await runs(machine)).toBe(false);
});

for (const recordMappings of ['auto', false] as const) {
  test.describe(`mappings are recorded: ${recordMappings}`, () => {
    test.use({ recordMappings });

    test('plain commands stop a VM, during a look as well, and let it run', async ({
      machine,
      monitor,
      vfio,
    }) => {
      const mapping = await vfio.mapDma({ pages: 4 });
      // During a look, which would let it run when it is over.
      const replies = await machine.paused(() => monitor.commands(['info name', 'stop']));
      expect(replies).toEqual([expect.stringContaining('opentdx-e2e'), '']);
      expect(await runs(machine)).toBe(false);
      await expect(mapping).toHaveUserBitCleared();
      expect(await runs(machine)).toBe(false);
      expect(await monitor.command('c')).toBe('');
      expect(await runs(machine)).toBe(true);
      await expect(mapping).toHaveUserBitCleared();
      expect(await runs(machine)).toBe(true);
      await expect(mapping.touch()).rejects.toMatchPageFault({ user: true, present: true });
    });
  });
}

test.describe('with DEBUG', () => {
  test.use({ machineOptions: { debug: true } });

  test('a debugger has the stub that is open from the first instruction on', async ({
    machine,
    attachDebugger,
  }) => {
    const gdb = await attachDebugger();
    await machine.paused(() => Promise.resolve());
    expect(gdb.running).toBe(false);
    await machine.gdb.detach();
    expect(await runs(machine)).toBe(true);
    await (await attachDebugger()).cont();
    expect(await runs(machine)).toBe(true);
  });
});
