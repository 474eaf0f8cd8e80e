import { expect, test } from '../../../fixtures/index.js';
import { pairClearings } from '../../../lib/guest/kernel-log/index.js';
import { insertOwnModule } from '../../../lib/guest/module/index.js';
import { loadVfioDriver } from '../../support/vfio-driver.js';
import type { CommandResult, GuestShell } from '../../../lib/guest/ssh/index.js';

// The guest's own script, by hand: exit 0 cleared, 1 still set or not usable, 2 undetermined.

function testVerify(guest: GuestShell, ...args: string[]): Promise<CommandResult<string>> {
  return guest.run(['test_verify.sh', ...args], { timeoutMs: 60_000 });
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;

test('--help and wrong usage', async ({ guest }) => {
  expect(await testVerify(guest, '--help')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('usage: test_verify.sh ADDR'),
    stderr: '',
  });
  for (const args of [[], ['--unknown'], ['0x1000', '0x2000']]) {
    expect(await testVerify(guest, ...args)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('usage:'),
    });
  }
});

test('--check says whether the module can be used', async ({ guest }) => {
  const missing = await testVerify(guest, '--check');
  expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
  expect(missing.stderr).toMatch(/not there: insmod verify_pte\.ko/);
  expect((await testVerify(guest, '0x1000')).exitCode).toBe(1);
  expect((await testVerify(guest, '--dmesg')).exitCode).toBe(1);

  await insertOwnModule(guest, 'verify_pte');
  expect(await testVerify(guest, '--check')).toMatchObject({ exitCode: 0, stderr: '' });

  const asNobody = await guest.run(['su', '-s', '/bin/sh', '-c', 'test_verify.sh --check', 'nobody']);
  expect(asNobody.exitCode).toBe(1);
  expect(asNobody.stderr).toMatch(/be root/);
});

test('0 for a cleared page: by address, by process and address, from the kernel log', async ({
  guest,
  kernelLog,
  verifyPte,
  vfio,
}) => {
  const mapping = await vfio.mapDma({ pages: 3 });
  const { pid } = mapping.process;
  const last = mapping.pageAddress(2);
  const { user, pte } = await verifyPte.entry({ address: last, pid });
  expect(user, `_PAGE_USER in the last page's PTE, 0x${pte.toString(16)}`).toBe(false);
  // That of whichever page the driver took last.
  const named = pairClearings(await kernelLog.entries()).records.at(-1)?.address ?? 0n;
  const ways: [string[], bigint][] = [
    [[hex(last)], last],
    [[hex(last).slice(2)], last],
    [[`${pid}:${hex(last)}`], last],
    [['--dmesg'], named],
    [[hex(mapping.pageAddress(0))], mapping.pageAddress(0)],
  ];
  for (const [args, address] of ways) {
    await test.step(args.join(' '), async () => {
      const result = await testVerify(guest, ...args);
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout).toContain(`PASS: _PAGE_USER is cleared at ${hex(address)} of process ${pid}`);
      expect(result.stdout).toContain('_PAGE_USER bit: CLEARED (kernel page) (0x0)');
    });
  }
});

test.describe('with a driver that does not clear', () => {
  test.use({ needs: ['@reference-driver'] });

  test('1 for a page that user mode can still reach', async ({ guest, verifyPte, vfio }) => {
    await loadVfioDriver(guest, 'stock');
    const mapping = await vfio.mapDma({ pages: 1 });
    const { pid } = mapping.process;
    expect((await verifyPte.entry({ address: mapping.address, pid })).user).toBe(true);
    for (const query of [hex(mapping.address), `${pid}:${hex(mapping.address)}`]) {
      const result = await testVerify(guest, query);
      expect(result.exitCode).toBe(1);
      expect(result.stderr).toMatch(
        /FAIL: _PAGE_USER is still set .*vfio_iommu_type1.* with the change loaded/,
      );
    }
    const silent = await testVerify(guest, '--dmesg');
    expect(silent.exitCode).toBe(2);
    expect(silent.stderr).toContain('the kernel log names no address');
  });
});

test('2 where nothing can be said', async ({ guest, verifyPte, vfio }) => {
  expect(verifyPte).toBeDefined();
  const process = await vfio.process();
  const untouched = await process.alloc({ pages: 1, populate: false });
  const hidden = await process.alloc({ pages: 1 });
  await process.request('mprotect', { address: hidden.address, size: hidden.size, protection: '' });
  const queries: [string, RegExp][] = [
    [hex(untouched.address), /nothing is mapped there/],
    [`${process.pid}:${hex(untouched.address)}`, /nothing is mapped there/],
    [hex(hidden.address), /not present/],
    ['0x1000', /no process with VFIO open maps 0x1000: name it as PID:ADDR/],
    ['4000000:0x1000', /no process 4000000/],
    ['2:0x1000', /no address space/],
    ['hello', /no hexadecimal address/],
    ['0x', /no hexadecimal address/],
    ['x1:0x1000', /no process number/],
    ['0x12345678901234567', /no hexadecimal address/],
  ];
  for (const [query, message] of queries) {
    await test.step(query, async () => {
      const result = await testVerify(guest, query);
      expect(result.stderr).toMatch(message);
      expect(result.exitCode).toBe(2);
    });
  }
});

test('2 where several processes map the address, and they are named', async ({ guest, verifyPte, vfio }) => {
  expect(verifyPte).toBeDefined();
  const mapping = await vfio.mapDma({ pages: 1 });
  const { pid } = mapping.process;
  const child = await mapping.process.request('fork');
  const result = await testVerify(guest, hex(mapping.address));
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain('several processes');
  for (const each of [pid, child.number('pid')]) expect(result.stderr).toContain(` ${each}`);
  expect((await testVerify(guest, `${pid}:${hex(mapping.address)}`)).exitCode).toBe(0);
});
