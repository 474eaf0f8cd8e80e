import { vcpuText } from '../../fixtures/evidence/vcpus.js';
import { expect, test } from '../../fixtures/index.js';
import { parseKallsyms, symbolsOfMachine } from '../../lib/guest/symbols/index.js';
import type { KernelSymbol } from '../../lib/guest/symbols/symbol-table.js';
import { moduleFunctionAddress } from '../support/function-address.js';

const driver = 'vfio_iommu_type1';

test("symbols of modules, read from outside, are those of the guest's own /proc/kallsyms", async ({
  machine,
  guest,
}) => {
  const found = await machine.paused(async () => symbolsOfMachine(machine, await machine.registers()));
  const own = parseKallsyms(await guest.succeed(['grep', ']$', '/proc/kallsyms']));
  const listed = (symbols: Iterable<KernelSymbol>): string[] =>
    [...symbols]
      .filter(({ module }) => module !== undefined)
      .map(({ address, name, module }) => `${address.toString(16)} ${name} [${module ?? ''}]`)
      .sort();
  const expected = listed(own);
  expect(expected.length).toBeGreaterThan(500);
  expect(listed(found)).toEqual(expected);
});

test('a vCPU that stands in a module is said to, by function and offset, by a guest that cannot be asked', async ({
  machine,
  guest,
  vfio,
  attachDebugger,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 1 });
  const clearing = await moduleFunctionAddress(guest, driver, 'vfio_dma_clear_user');
  const gdb = await attachDebugger();
  await gdb.setBreakpoint(clearing);
  await gdb.cont();
  const mapped = process.request('map', { vaddr: buffer.address, size: buffer.size, iova: 0x100000n });
  mapped.catch(() => undefined);
  await gdb.waitForStop(30_000);
  await gdb.removeBreakpoint(clearing);

  const text = await vcpuText(machine, undefined);
  expect(text).toMatch(/^vCPU \d+: vfio_dma_clear_user\+0x0 \[vfio_iommu_type1\]; RIP 0x/m);
  await gdb.detach();
  await mapped;
});
