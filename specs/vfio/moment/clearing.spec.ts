import { expect, test } from '../../../fixtures/index.js';
import type { GdbClient } from '../../../lib/gdb/index.js';
import { pairClearings } from '../../../lib/guest/kernel-log/index.js';
import { moduleFunctionAddress } from '../../support/function-address.js';
import { _PAGE_USER, hex, type Walk, walk, type X86Entry } from '../../../lib/paging/index.js';
import { registerPicture, walkPicture } from '../../../lib/picture/index.js';

// The guest stands still at the first and behind the last instruction of the function that clears. The debugger alone stops and
// resumes the VM meanwhile: what the harness otherwise does to look at a page table, it must not do.

// The function is the reference driver's.
test.use({ needs: ['@reference-driver'] });

/** A guest that stands at neither breakpoint by then is not on its way there. */
const stopMs = 30_000;

/** Lets the VM run until a vCPU is at this instruction; returns which. */
async function runTo(gdb: GdbClient, address: bigint): Promise<number> {
  await gdb.setBreakpoint(address);
  await gdb.cont();
  await gdb.waitForStop(stopMs);
  await gdb.removeBreakpoint(address);
  const there = (await gdb.registers()).find((registers) => registers.get('rip') === address);
  if (!there) throw new Error(`the VM stopped, and no vCPU is at 0x${address.toString(16)}`);
  return there.cpu;
}

/** At a function's first instruction the stack's top is where it will return to. */
async function returnAddress(gdb: GdbClient, cpu: number): Promise<bigint> {
  const stack = (await gdb.registersOf(cpu)).get('rsp');
  return Buffer.from(await gdb.readVirtual(stack, 8, cpu)).readBigUInt64LE();
}

test('the entry is whole before the clearing, and without its user bit after; the log tells both values', async ({
  vfio,
  kernelLog,
  guest,
  memory,
  attachDebugger,
}) => {
  const pages = 3;
  const process = await vfio.process();
  const buffer = await process.alloc({ pages });
  const clearing = await moduleFunctionAddress(guest, 'vfio_iommu_type1', 'vfio_dma_clear_user');
  const addresses = Array.from({ length: pages }, (_, page) => buffer.address + BigInt(page) * 4096n);
  const walks = async (): Promise<Walk<X86Entry>[]> => {
    const found: Walk<X86Entry>[] = [];
    for (const address of addresses) found.push(await walk(memory.memory, process.space, address));
    return found;
  };

  const gdb = await attachDebugger();
  const entered = runTo(gdb, clearing);
  const mapped = process.request('map', { vaddr: buffer.address, size: buffer.size, iova: 0x100000n });
  // Awaited at the end, when the guest runs again: a failure before that is the one to be told.
  mapped.catch(() => undefined);
  const cpu = await entered;
  const before = await walks();
  await runTo(gdb, await returnAddress(gdb, cpu));
  const after = await walks();
  await gdb.detach();
  await mapped;

  const { records } = pairClearings(await kernelLog.entries());
  for (const [page, address] of addresses.entries()) {
    const [old, now] = [before[page]?.leaf?.raw ?? 0n, after[page]?.leaf?.raw ?? 0n];
    const record = records.find((each) => each.address === address);
    const where = `page ${page} at ${hex(address)}`;
    expect(old & _PAGE_USER, `${where}: _PAGE_USER before the clearing, in ${hex(old)}`).toBe(_PAGE_USER);
    expect(hex(now), `${where}: the entry after the clearing`).toBe(hex(old & ~_PAGE_USER));
    expect(hex(record?.oldPte ?? 0n), `${where}: the old PTE in the log, against memory before`).toBe(
      hex(old),
    );
    expect(hex(record?.newPte ?? 0n), `${where}: the new PTE in the log, against memory after`).toBe(
      hex(now),
    );
  }
  await attachPictures(before[0], after[0]);
});

async function attachPictures(
  before: Walk<X86Entry> | undefined,
  after: Walk<X86Entry> | undefined,
): Promise<void> {
  if (!before?.leaf || !after?.leaf) throw new TypeError('a page is not there');
  const address = `0x${before.address.toString(16)}`;
  const pictures = {
    'pte-before-and-after.svg': registerPicture({
      title: `PTE of ${address}, before and after the clearing`,
      subtitle: 'the guest stands at the first instruction of vfio_dma_clear_user, and behind its last',
      fields: before.leaf.entry.fields,
      value: { label: 'before', raw: before.leaf.raw },
      other: { label: 'after', raw: after.leaf.raw },
    }),
    'walk-before.svg': walkPicture({ title: `Before the clearing: ${address}`, walk: before }),
    'walk-after.svg': walkPicture({ title: `After the clearing: ${address}`, walk: after }),
  };
  for (const [name, body] of Object.entries(pictures)) {
    await test.info().attach(name, { body, contentType: 'image/svg+xml' });
  }
}
