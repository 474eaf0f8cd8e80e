import { expect, test } from '../../../fixtures/index.js';
import { type Combination, combinations } from '../../support/protections.js';
import type { Access } from '../../../lib/guest/vfio/access.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { protectionFromVma, type PteExpectation } from '../../../lib/paging/index.js';

// What mmap was asked for, against the entry that the kernel made of it: by the table of lib/paging, which knows nothing of this guest.

/** The bits of an entry that are not as the table says, `+bit` for one that should be clear, `-bit` for one that should be set. */
function wrongBits(raw: bigint | undefined, { set, cleared }: PteExpectation): string[] {
  if (raw === undefined) return ['no entry at all'];
  const named = (mask: bigint, sign: string): string[] =>
    Array.from({ length: 64 }, (_, bit) => bit)
      .filter((bit) => ((mask >> BigInt(bit)) & 1n) === 1n)
      .map((bit) => `${sign}bit ${bit}`);
  return [...named(raw & cleared, '+'), ...named(set & ~raw, '-')];
}

async function rawEntry(process: VfioProcess, address: bigint): Promise<bigint | undefined> {
  const [page] = await process.entries(address, 1);
  return page?.raw;
}

/** Brings the page in without writing to it: by a read of the process's own where that is possible, else by the kernel's. */
async function readFirst(process: VfioProcess, address: bigint, { read, write }: Combination): Promise<void> {
  if (read || write) {
    expect(await process.access(address)).toMatchObject({ outcome: 'done', value: 0n });
  } else {
    // /proc/PID/mem reads what the process itself may not (FOLL_FORCE), and faults the page in for that.
    const route = await process.request('route', { route: 'procMemRead', address });
    expect(route.text('outcome')).toBe('done');
  }
}

function outcomeOf(access: Access): string {
  return access.outcome === 'fault' ? `${access.signal} 0x${access.errorCode.toString(16)}` : access.outcome;
}

for (const combination of combinations) {
  test(`${combination.name}: its entries are as the derived table says, before and after a first write`, async ({
    vfio,
  }) => {
    const { protection, kind, write } = combination;
    const expected = protectionFromVma(combination);
    const process = await vfio.process();
    const { address } = await process.alloc({ pages: 1, kind, protection, populate: false });
    expect((await process.entries(address, 1)).at(0)?.status).toBe('not-present');

    await test.step('before the first write', async () => {
      await readFirst(process, address, combination);
      expect(wrongBits(await rawEntry(process, address), expected.beforeWrite)).toEqual([]);
    });

    await test.step('the first write', async () => {
      const first = await process.access(address, { access: 'write', value: 0xc3n });
      if (write) {
        expect(first.outcome).toBe('done');
        if (!expected.afterWrite)
          throw new TypeError('the table forbids writes to memory that may be written');
        expect(wrongBits(await rawEntry(process, address), expected.afterWrite)).toEqual([]);
      } else {
        // Bit 1 of the code says that it was a write, bit 2 that it came from user mode.
        expect(outcomeOf(first)).toMatch(/^SIGSEGV 0x\w?[67]$/);
        expect(wrongBits(await rawEntry(process, address), expected.beforeWrite)).toEqual([]);
      }
    });

    if (write) {
      await test.step('executing what was written, a return', async () => {
        const call = await process.access(address, { access: 'execute' });
        expect(outcomeOf(call)).toBe(combination.execute ? 'done' : 'SIGSEGV 0x15');
      });
    }
  });
}
