import { expect, test } from '../../../fixtures/index.js';
import { parkedAddressSpace } from '../../../lib/guest/process/parked.js';
import { NonCanonicalAddressError, walk } from '../../../lib/paging/index.js';

// Reasons for which an entry cannot be read from outside: each ends in words, and never in an entry of zero that looks like one.

test('an address that was never touched: the walk says at which level it ended', async ({ vfio, memory }) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 1 << 16, populate: false });
  const ended = await walk(memory.memory, process.space, address + (1n << 27n));
  expect(ended.mapped).toBe(false);
  expect(ended.fault?.reason).toBe('not-present');
  expect(ended.fault?.message).toMatch(
    /has no translation: (PML4|PDPT|PD|PT) entry at 0x[0-9a-f]+ = 0x0: the entry is not present/,
  );
});

test("an address of another process: this process's tables do not have it", async ({ vfio, memory }) => {
  const process = await vfio.process();
  const child = (await process.request('fork')).number('child');
  const theirs = (await process.request('alloc', { pages: 1, child })).bigint('address');
  const ended = await walk(memory.memory, process.space, theirs);
  expect(ended.fault?.message).toContain(`0x${theirs.toString(16)} has no translation`);
});

test('an address that no table translates', async ({ vfio, memory }) => {
  const process = await vfio.process();
  await expect(walk(memory.memory, process.space, 0x8000_1234_5678_9000n)).rejects.toThrow(
    NonCanonicalAddressError,
  );
});

test('a process that is not the one that runs: its tables are not guessed', async ({ machine }) => {
  const nobody = parkedAddressSpace(machine, 0x1234_5678_9abc_def0n, {}, 300);
  await expect(nobody).rejects.toThrow(
    /No vCPU ran the thread with the marker 0x123456789abcdef0.*Last seen: vCPU 0: CPL/,
  );
  // And the VM runs on.
  expect((await machine.monitor.infoStatus()).running).toBe(true);
});
