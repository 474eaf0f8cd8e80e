import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { expect, test } from '@playwright/test';

import { connectMonitor } from '../../../lib/monitor/index.js';
import { FakeMonitor } from '../monitor/fake-monitor.js';
import { FirmwareQemu } from '../monitor/firmware-qemu.js';
import { recorded } from '../monitor/recorded.js';
import { runTool, type ToolRun } from './run-tool.js';

const address = '0x7f1234567000';

/** One line on stderr, nothing on stdout, exit status 1. */
function expectOneLine(run: ToolRun, message: RegExp): void {
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(run.stderr).toMatch(/^verify-pte: /);
  expect(run.stdout).toBe('');
  expect(run.exitCode).toBe(1);
  test.info().annotations.push({ type: 'duration', description: `${run.ms.toFixed(0)} ms` });
}

test('bad arguments, and a file that is not there', async () => {
  expectOneLine(await runTool([]), /Two arguments are needed.*--help/);
  expectOneLine(
    await runTool(['1334', address, '--pid', '1', '--btf', '/nowhere/btf']),
    /\/nowhere\/btf cannot be read/,
  );
});

test('the overview', async () => {
  const run = await runTool(['--help']);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  for (const option of [
    '--pid',
    '--name',
    '--cr3',
    '--cpu',
    '--json',
    '--svg',
    '--host',
    '--unix',
    '--kallsyms',
    '--system-map',
    '--btf',
    '--vmlinux',
  ]) {
    expect(run.stdout).toContain(option);
  }
});

test('a port where nothing listens', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expectOneLine(
    await runTool([String(port), address]),
    /ECONNREFUSED.*Is the VM running\? Its monitor is at debug port \+ 100/,
  );
});

test('a port that swallows', async () => {
  await using fake = await FakeMonitor.start({ greeting: '' });
  expectOneLine(
    await runTool([String(fake.port), address]),
    /said nothing within 1000 ms.*debug port \+ 100/,
  );
});

test('a monitor that greets and then hangs', async () => {
  await using fake = await FakeMonitor.start({ answer: () => 'hang' });
  expectOneLine(await runTool([String(fake.port), address]), /info status/);
});

test('a host whose packets are dropped', async () => {
  // TEST-NET-1 (RFC 5737): no such host. Where the network says so at once, that is told instead.
  expectOneLine(await runTool(['1334', address, '--host', '192.0.2.1']), /192\.0\.2\.1:1334/);
});

test('another service', async () => {
  await using fake = await FakeMonitor.start({ greeting: 'SSH-2.0-dropbear\r\n' });
  expectOneLine(
    await runTool([String(fake.port), address]),
    /not a QEMU monitor: it says "SSH-2\.0-dropbear/,
  );
});

test('a Node that is too old', async () => {
  const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'16.20.2'})";
  expectOneLine(
    await runTool(['1334', address], ['--import', old]),
    /Node 16\.20\.2 is too old: install Node 20 or newer/,
  );
});

test.describe('a QEMU that has only its firmware', () => {
  test('busy with another client', async () => {
    await using qemu = await FirmwareQemu.start();
    await using monitor = await connectMonitor({ port: qemu.monitorPort, deadlineMs: 20_000 });
    expectOneLine(
      await runTool([String(qemu.monitorPort), address]),
      /busy with another client.*end the other one/,
    );
    expect((await monitor.infoStatus()).running).toBe(true);
  });

  test('the gdb port of it: the VM runs on, and the right port is named', async () => {
    await using qemu = await FirmwareQemu.start();
    await using monitor = await connectMonitor({ path: qemu.monitorPath, deadlineMs: 20_000 });
    const port = await qemu.openStub(monitor);
    expectOneLine(
      await runTool([String(port), address]),
      new RegExp(`No connection was made.*gdb stub.*The monitor is at port ${port + 100}`),
    );
    expect((await monitor.infoStatus()).running).toBe(true);
  });

  test('is not in 64-bit mode, and runs on', async () => {
    await using qemu = await FirmwareQemu.start();
    expectOneLine(
      await runTool([String(qemu.monitorPort), address]),
      /vCPU 0 is not in 64-bit mode.*Wait for the guest/,
    );
    expectOneLine(
      await runTool([String(qemu.monitorPort), address, '--pid', '1']),
      /kernel has not started yet/,
    );
    expectOneLine(await runTool([String(qemu.monitorPort), address, '--cpu', '7']), /no vCPU 7: it has 0/);
    await using monitor = await connectMonitor({ port: qemu.monitorPort, deadlineMs: 20_000 });
    expect((await monitor.infoStatus()).running).toBe(true);
  });

  test('stays stopped if it was', async () => {
    await using qemu = await FirmwareQemu.start('-S');
    expectOneLine(await runTool([String(qemu.monitorPort), address]), /not in 64-bit mode/);
    await using monitor = await connectMonitor({ port: qemu.monitorPort, deadlineMs: 20_000 });
    expect((await monitor.infoStatus()).running).toBe(false);
  });
});

/** A machine of one vCPU in 64-bit mode, whose memory is `entries`, as a monitor alone tells of it. */
function monitorOnly(
  entries: Readonly<Record<string, string>>,
  change: (registers: string) => string = (same) => same,
) {
  const registers = change(recorded('registers-linux').replaceAll(/CR3=[0-9a-f]+/g, 'CR3=0000000000010000'));
  const memory =
    'FlatView #0\n AS "memory", root: system\n  0000000000000000-000000001fffffff (prio 0, ram): pc.ram\n';
  const answer = (command: string): string => {
    const [, address] = /^xp \/\d+x[bg] 0x([0-9a-f]+)$/.exec(command) ?? [];
    if (address !== undefined)
      return `${address.padStart(16, '0')}: 0x${(entries[address] ?? '0').padStart(16, '0')}\n`;
    if (command.startsWith('gpa2hva')) return 'No memory is mapped at address 0x0\n';
    const known: Readonly<Record<string, string>> = {
      'info status': 'VM status: paused\n',
      'info registers -a': registers,
      'info mtree -f': memory,
    };
    return known[command] ?? 'unknown command\n';
  };
  return FakeMonitor.start({ answer });
}

for (const [tables, cr4] of [
  ['of two levels', '00000010'],
  ['of PAE', '00000030'],
] as const) {
  test(`a 32-bit guest with tables ${tables} is not told to wait`, async () => {
    await using fake = await monitorOnly({}, (registers) =>
      registers
        .replaceAll(/CR4=[0-9a-f]+/g, `CR4=${cr4}`)
        .replaceAll(/EFER=[0-9a-f]+/g, 'EFER=0000000000000000'),
    );
    const said = new RegExp(`in 64-bit mode.*32-bit tables ${tables}.*boot a 64-bit kernel`);
    for (const choice of [[], ['--pid', '1'], ['--cr3', '0x10000']]) {
      const run = await runTool([String(fake.port), address, ...choice]);
      expectOneLine(run, said);
      expect(run.stderr).not.toMatch(/not started|Wait for/);
    }
  });
}

test('an address that is not canonical is explained in words of the command line', async () => {
  await using fake = await monitorOnly(beyond);
  const run = await runTool([String(fake.port), '0x800000000000']);
  expectOneLine(run, /not canonical for 48-bit.*four levels.*Check for a truncated/);
  expect(run.stderr).not.toContain('levels: 5');
});

const beyond = { '10000': '11003', '11000': '12003', '12008': '200000200083' };

test('an entry whose meaning depends on a width that nobody tells is not called cleared', async () => {
  await using fake = await monitorOnly(beyond);
  const run = await runTool([String(fake.port), '0x200000']);
  expect(run, run.stderr).toMatchObject({ exitCode: 1, stderr: '' });
  expect(run.stdout).toContain('physical-address bits unknown');
  expect(run.stdout).toMatch(/\[-\] .*physical-address width unknown: bits 45 of a PD entry/);
  expect(run.stdout).toMatch(/\[-\] Verification UNDETERMINED/);
  expect(run.stdout).not.toContain('PASSED');
});

test('one that does not depend on it is', async () => {
  await using fake = await monitorOnly({ ...beyond, '12008': '200083' });
  const run = await runTool([String(fake.port), '0x200000']);
  expect(run, run.stderr).toMatchObject({ exitCode: 0, stderr: '' });
  expect(run.stdout).toContain('physical-address bits unknown');
});
