import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';

import { expect, test } from '../../fixtures/index.js';
import type { Machine } from '../../lib/machine/machine.js';
import { runTool, type ToolRun } from '../unit/verify-pte/run-tool.js';

test.describe.configure({ timeout: 180_000 });

/** The monitor takes one client: the harness leaves it to the tool. */
function verifyPte(machine: Machine): (...args: string[]) => Promise<ToolRun> {
  return (address, ...options) =>
    machine.lend(() => runTool([String(machine.ports.monitor), address, ...options]));
}

async function isRunning(machine: Machine): Promise<boolean> {
  return (await machine.status()).running;
}

test('a cleared page, a user page and an absent page, each with its exit status', async ({
  vfio,
  machine,
  guest,
}) => {
  const process = await vfio.process();
  const mapping = await vfio.mapDma({ pages: 4 });
  const [first] = await mapping.entries();
  const plain = await process.alloc({ pages: 1 });
  const absent = await process.alloc({ pages: 1, populate: false });
  const kallsyms = test.info().outputPath('kallsyms');
  await guest.succeed([
    'sh',
    '-c',
    "grep -E ' (init_task|__start_BTF|__stop_BTF)$' /proc/kallsyms > /tmp/kallsyms",
  ]);
  await writeFile(kallsyms, await guest.download('/tmp/kallsyms'));
  const at = (address: bigint): string => `0x${address.toString(16)}`;
  const verify = verifyPte(machine);
  const whose: string[][] = [
    ['--pid', String(process.pid)],
    ['--pid', String(process.pid), '--kallsyms', kallsyms],
    ['--name', 'vfio-map'],
    ['--cr3', at(process.space.root)],
  ];

  for (const choice of whose) {
    await test.step(choice.join(' '), async () => {
      const cleared = await verify(at(mapping.address), ...choice);
      expect(cleared, cleared.stderr).toMatchObject({ exitCode: 0, stderr: '' });
      expect(cleared.stdout).toContain(`[+] CR3 (Page Table Base): ${at(process.space.root)}\n`);
      expect(cleared.stdout).toContain(`PTE value: ${at(first?.raw ?? 0n)}\n`);
      expect(cleared.stdout).toContain('_PAGE_USER bit: CLEARED (kernel page)\n    _PAGE_USER value: 0x0\n');
      expect(cleared.stdout).toContain('[+] Verification PASSED: _PAGE_USER bit is cleared\n');

      const set = await verify(at(plain.address), ...choice);
      expect(set, set.stderr).toMatchObject({ exitCode: 1, stderr: '' });
      expect(set.stdout).toContain('_PAGE_USER bit: SET (user page)\n    _PAGE_USER value: 0x4\n');
      expect(set.stdout).toContain('[-] Verification FAILED: _PAGE_USER bit is still set\n');

      const missing = await verify(at(absent.address), ...choice);
      expect(missing, missing.stderr).toMatchObject({ exitCode: 2, stderr: '' });
      expect(missing.stdout).toContain('Present: False\n');
    });
  }
  expect(await isRunning(machine)).toBe(true);
});

test('the indices of the address, JSON and the picture', async ({ vfio, machine }) => {
  const process = await vfio.process();
  const mapping = await vfio.mapDma({ pages: 1 });
  const svg = test.info().outputPath('walk.svg');
  const { steps } = await mapping.walk(0);
  const verify = verifyPte(machine);
  const options = ['--cr3', process.space.root.toString(16)];

  const text = await verify('0x7f1234567000', ...options);
  for (const line of ['PML4 index: 254', 'PDPT index: 72', 'PD index: 418', 'PT index: 359'])
    expect(text.stdout).toContain(`    ${line}\n`);

  const json = await verify(mapping.address.toString(16), ...options, '--json', '--svg', svg);
  expect(json, json.stderr).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(json.stdout)).toMatchObject({
    verdict: 'cleared',
    exitCode: 0,
    levels: 4,
    steps: steps.map(({ index, raw }) => ({ index, entry: `0x${raw.toString(16)}` })),
    pageSize: 4096,
    effective: { user: false },
  });
  const picture = await readFile(svg, 'utf8');
  expect(picture).toContain('_PAGE_USER');
  await test.info().attach('walk.svg', { body: picture, contentType: 'image/svg+xml' });
});

test('a VM on another host is read through its monitor', async ({ vfio, machine }) => {
  const process = await vfio.process();
  const mapping = await vfio.mapDma({ pages: 1 });
  const [entry] = await mapping.entries();
  // As a tunnel to the other host: what listens here is not QEMU, whose process is out of reach.
  const tunnel = createServer((client) => {
    const monitor = connect({ host: '127.0.0.1', port: machine.ports.monitor });
    client.pipe(monitor).pipe(client);
    client.on('error', () => monitor.destroy());
    monitor.on('error', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(tunnel, 'listening');
  const { port } = tunnel.address() as AddressInfo;
  const run = await machine.lend(() =>
    runTool([
      ...[String(port), `0x${mapping.address.toString(16)}`, '--host', 'localhost', '--json'],
      ...['--cr3', `0x${process.space.root.toString(16)}`],
    ]),
  );
  tunnel.close();
  expect(run, run.stderr).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(run.stdout)).toMatchObject({
    verdict: 'cleared',
    monitor: `localhost:${port}`,
    reader: expect.stringContaining('Guest memory is read by monitor.'),
    pte: { value: `0x${entry?.raw?.toString(16) ?? ''}` },
  });
});

test('a VM that was stopped stays stopped', async ({ vfio, machine }) => {
  const process = await vfio.process();
  await machine.monitor.stop();
  const verify = verifyPte(machine);
  expect(await verify('0x1000', '--pid', String(process.pid))).toMatchObject({ exitCode: 2, stderr: '' });
  expect(await isRunning(machine)).toBe(false);
  // The guest is asked for its log when the test is over.
  await machine.monitor.cont();
});

test('what it cannot do is one line, and the VM runs on', async ({ machine }) => {
  const verify = verifyPte(machine);
  for (const [options, message] of [
    [['--pid', '3999999'], /no process with PID 3999999/],
    [['--name', 'kthreadd'], /kernel thread/],
    [['--cpu', '99'], /no vCPU 99: it has 0, 1/],
    [['--svg', '/nowhere/walk.svg'], /picture cannot be written/],
  ] as const) {
    const run = await verify('0x1000', ...options);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(message);
    expect(run.stderr.trimEnd()).not.toContain('\n');
  }
  const fiveLevels = await verify('0x00ff123456789000');
  expect(fiveLevels).toMatchObject({ exitCode: 1, stdout: '' });
  expect(fiveLevels.stderr).toMatch(/not canonical for 48-bit/);
  expect(await isRunning(machine)).toBe(true);
});
