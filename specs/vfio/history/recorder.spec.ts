import { expect, test } from '../../../fixtures/index.js';
import { injectFault } from '../../../lib/guest/vfio/fault.js';
import { _PAGE_USER } from '../../../lib/paging/index.js';

// Faults are given to the project's own driver.
test.use({ needs: ['@reference-driver'] });

test('each write to a recorded entry is known: when, by which function, below which, in which task', async ({
  vfio,
  guest,
  recordPtes,
}) => {
  await injectFault(guest, 'blink');
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 4 });
  const history = await recordPtes({ process, buffer });
  await process.mapDma({ pages: 4, buffer });
  // Longer than the driver waits, in the guest's own time.
  await guest.succeed(['sleep', '1']);
  const writes = await history.writes({ page: 2, bits: _PAGE_USER });
  expect(writes.map(({ after }) => (after.raw & _PAGE_USER) !== 0n)).toEqual([false, true, false]);
  const [cleared, given, taken] = writes.map(({ writer }) => writer);
  expect(cleared?.place).toMatch(/^vfio_dma_clear_user\+0x[0-9a-f]+ \[vfio_iommu_type1\]$/);
  expect(cleared?.task).toEqual({ pid: process.pid, name: 'vfio-map' });
  expect(cleared?.stack[0]?.text).toMatch(/^vfio_iommu_type1_ioctl\+/);
  expect(cleared?.stack[0]?.certain).toBe(true);
  expect(cleared?.stack.map(({ text }) => text).join(' ')).toMatch(/__x64_sys_ioctl\+.* do_syscall_64\+/);
  for (const writer of [given, taken]) {
    expect(writer?.place).toMatch(/^e2e_change_bit\+/);
    expect(writer?.task?.name).toMatch(/^kworker\//);
    expect(writer?.stack[0]?.text).toMatch(/^e2e_reset_work\+/);
    expect(writer?.stack[0]?.certain).toBe(true);
  }
  // The map is on the same clock.
  const map = history.calls.find(({ op }) => op === 'map');
  expect(writes[0]?.at).toBeGreaterThanOrEqual(map?.sent ?? Infinity);
  expect(writes[0]?.at).toBeLessThanOrEqual(map?.answered ?? 0);
  expect(writes[1]?.at).toBeGreaterThanOrEqual(map?.answered ?? Infinity);
  const guestTimes = history.raw.map(({ guestMs = NaN }) => guestMs);
  expect(guestTimes).toEqual([...guestTimes].sort((a, b) => a - b));
});

test('a debugger takes the stub away from the recorder, and the history says so', async ({
  vfio,
  guest,
  recordPtes,
  attachDebugger,
}) => {
  const mapping = await vfio.mapDma({ pages: 2 });
  const history = await recordPtes(mapping);
  expect(history.blind).toBeUndefined();
  const gdb = await attachDebugger();
  expect(history.blind?.why).toMatch(/debugger/);
  await gdb.cont();
  await guest.succeed(['true']);
});

test('the end of a process and of its tables is recorded', async ({ vfio, recordPtes }) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 2 });
  const history = await recordPtes({ process, buffer });
  await process.mapDma({ pages: 2, buffer });
  await process.kill();
  await history.sync();
  const last = [0, 1].map((page) => history.raw.findLast((write) => write.page === page));
  for (const write of last) {
    expect((write?.after.raw ?? 1n) & 1n).toBe(0n);
    expect(write?.writer).toBeDefined();
  }
  const writes = await history.writes({ page: 0 });
  expect(writes.map(({ writer }) => writer?.place ?? '').join(' ')).toMatch(
    /zap_p[tm][ed]_range|unmap_page_range/,
  );
});

test('a VM that is stopped on purpose amid writes that are recorded stays so, and goes on afterwards', async ({
  vfio,
  monitor,
  machine,
  recordPtes,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 16 });
  const history = await recordPtes({ process, buffer });
  for (let round = 0; round < 6; round += 1) {
    const { length } = history.raw;
    const writes = process.request('mprotect', { ...buffer, protection: round % 2 === 0 ? 'r' : 'rw' });
    await expect.poll(() => history.raw.length, { intervals: [1] }).toBeGreaterThan(length + 1);
    await monitor.stop();
    const stood = history.raw.length;
    expect((await machine.status()).running).toBe(false);
    await history.sync();
    expect((await machine.status()).running).toBe(false);
    // What stood behind its store when the VM was stopped is all that may come.
    expect(history.raw.length - stood).toBeLessThan(3);
    await monitor.cont();
    await writes;
  }
  await history.sync();
  // Each entry of each round is written twice: taken out, and put back otherwise.
  expect(history.raw).toHaveLength(192);
});

test('a recording ends after as many writes as it was given, says so, and the guest goes on', async ({
  vfio,
  recordPtes,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 8 });
  await expect(recordPtes({ process, buffer }, { atMost: 0 })).rejects.toThrow(/atMost/);
  const bounded = await recordPtes({ process, buffer }, { atMost: 20 });
  const whole = await recordPtes({ process, buffer });
  for (const protection of ['r', 'rw', 'r']) await process.request('mprotect', { ...buffer, protection });
  await whole.sync();
  expect(bounded.blind?.why).toBe('20 writes were recorded, which is the most');
  expect(bounded.raw.length).toBeGreaterThanOrEqual(20);
  // Each entry is taken out, and put back otherwise.
  expect(whole.raw).toHaveLength(48);
  expect(whole.blind).toBeUndefined();
});

test('a process that is killed amid writes that are recorded ends, and its end is recorded', async ({
  vfio,
  recordPtes,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 64 });
  const history = await recordPtes({ process, buffer });
  const doomed = process.request('mprotect', { ...buffer, protection: 'r' });
  const answer = doomed.then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  await expect.poll(() => history.raw.length, { intervals: [1] }).toBeGreaterThan(3);
  await process.kill();
  expect(await answer).toMatch(/answered|ended|killed|signal/);
  const isThere = async (): Promise<bigint> => {
    await history.sync();
    return (history.raw.findLast(({ page }) => page === 63)?.after.raw ?? 1n) & 1n;
  };
  await expect.poll(isThere).toBe(0n);
  expect(history.blind).toBeUndefined();
});
