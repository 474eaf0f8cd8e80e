import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '../../fixtures/index.js';
import { connectGdb } from '../../lib/gdb/index.js';
import { parkedAddressSpace } from '../../lib/guest/process/parked.js';
import { openPhysicalMemory } from '../../lib/memory/index.js';
import { connectMonitor } from '../../lib/monitor/index.js';
import { walkRange } from '../../lib/paging/index.js';
import { processesWithTag } from '../unit/machine/support/traces.js';
import { runSample, type SampleResult } from './run-sample.js';
import type { Parked } from './samples/kept.sample.js';
import { Kdump } from './support/kdump.js';
import { resume } from './support/resume.js';

const run = promisify(execFile);
const failing = 'fails with a parked process and a mapping';

test.describe.configure({ mode: 'serial', timeout: 240_000 });

let output: string;
let kept: Map<string, SampleResult>;

test.beforeAll(async () => {
  test.setTimeout(240_000);
  output = await mkdtemp(path.join(tmpdir(), 'opentdx-kept-'));
  kept = await runSample('kept.sample.ts', output, { E2E_KEEP: 'failed,dump' });
});

test.afterAll(async () => {
  await rm(output, { recursive: true, force: true });
});

test('only the machine of a test that failed is kept, and the report says how to resume it', () => {
  const { status, errors, files, annotations } = resultOf(failing);
  expect(status).toBe('failed');
  expect(errors).toHaveLength(1);
  expect(files.get('kept-machine.tar')).toBeDefined();
  expect(annotations.join('\n')).toMatch(
    /kept machine: npm run resume -- \S+kept-machine\.tar \(\d+ MB, saved in \d/,
  );
  test.info().annotations.push({ type: 'kept', description: annotations.join('; ') });
  expect(resultOf('passes').attachments.filter((name) => name.startsWith('kept-machine'))).toEqual([]);
});

test('a kept machine goes on where it stood, in another process: guest, parked process, page tables', async () => {
  const { files, bodies } = resultOf(failing);
  const parked = JSON.parse(bodies.get('parked.json') ?? '') as Parked;
  const { child, said, stderr, tag, lineOf } = await resume([files.get('kept-machine.tar') ?? '']);
  try {
    expect(said).toContain('Its guest answers.');

    // As somebody would type it.
    const ssh = await run('sh', [
      '-c',
      `${lineOf('ssh')} "grep -E '^(Pid|Name)' /proc/${parked.pid}/status"`,
    ]);
    expect(ssh.stdout).toBe(`Name:\tvfio-map\nPid:\t${parked.pid}\n`);

    const port = Number(/ (\d+)$/.exec(lineOf('monitor'))?.[1]);
    await using monitor = await connectMonitor({ port });
    const machine = {
      registers: () => monitor.infoRegisters(),
      paused: async <T>(look: () => Promise<T>): Promise<T> => {
        await monitor.stop();
        return await look().finally(() => monitor.cont());
      },
    };
    const space = await parkedAddressSpace(machine, BigInt(parked.marker));
    expect(`0x${space.root.toString(16)}`).toBe(parked.root);
    await using opened = await openPhysicalMemory({ monitor });
    const pages = await walkRange(opened.memory, space, BigInt(parked.address), parked.entries.length);
    expect([...pages].map(({ raw }) => `0x${raw?.toString(16) ?? ''}`)).toEqual(parked.entries);
    const content = await opened.memory.read(BigInt(parked.physicalAddress), 4096);
    expect(Buffer.from(content).toString('base64')).toBe(parked.content);

    const gdbPort = Number(/127\.0\.0\.1:(\d+)/.exec(lineOf('gdb'))?.[1]);
    const gdb = await connectGdb({ port: gdbPort });
    expect(await monitor.infoStatus(), 'a debugger stops it').toMatchObject({ running: false });
    await gdb.detach();
    await gdb.close();
  } finally {
    child.kill('SIGINT');
    const [exitCode] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode];
    expect(exitCode, await stderr).toBe(0);
  }
  await expect.poll(() => processesWithTag(tag), 'nothing is left of it').toEqual([]);
});

test('a machine is resumed as often as one likes, and two at once', async () => {
  const file = resultOf(failing).files.get('kept-machine.tar') ?? '';
  const both = await Promise.all([resume([file]), resume([file])]);
  for (const { child, said } of both) {
    expect(said).toContain('Its guest answers.');
    child.kill('SIGTERM');
  }
  for (const { child, tag } of both) {
    if (child.exitCode === null) await once(child, 'exit');
    await expect.poll(() => processesWithTag(tag)).toEqual([]);
  }
});

test("a dump holds the guest's memory, page by page", async () => {
  const { files, bodies } = resultOf(failing);
  const parked = JSON.parse(bodies.get('parked.json') ?? '') as Parked;
  const dump = new Kdump(await readFile(files.get('vmcore.kdump') ?? ''));
  expect(dump).toMatchObject({ signature: 'KDUMP   ', version: 6 });
  // 1 GiB, and what the firmware takes off.
  expect(dump.pages).toBeGreaterThan(250_000);
  const frame = Number(BigInt(parked.physicalAddress) >> 12n);
  expect(dump.page(frame)?.toString('base64')).toBe(parked.content);
  // The top table of the parked process leads on.
  const top = dump.page(Number(BigInt(parked.root) >> 12n));
  const index = Number((BigInt(parked.address) >> 39n) & 511n);
  expect((top?.readBigUInt64LE(index * 8) ?? 0n) & 1n, 'the entry is present').toBe(1n);
});

test('what cannot be resumed is told in a line', async () => {
  const file = resultOf(failing).files.get('kept-machine.tar') ?? '';
  const folder = test.info().outputPath('elsewhere');
  await run('mkdir', ['-p', folder]);
  const refused = async (args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<string> => {
    const { child, stderr } = await resume(args, variables);
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(1);
    return await stderr;
  };
  // Another QEMU, by its own word.
  const other = path.join(folder, 'qemu');
  await run('sh', [
    '-c',
    `printf '#!/bin/sh\\necho QEMU emulator version 9.9.9\\n' > "$1"; chmod +x "$1"`,
    'sh',
    other,
  ]);
  expect(await refused([file], { E2E_QEMU: other })).toMatch(
    /was saved by QEMU \S+.*is QEMU 9\.9\.9.*name it by E2E_QEMU/,
  );
  expect(await refused(['/etc/hostname'])).toMatch(/^\/etc\/hostname is no kept machine: .*E2E_KEEP=failed/);
  expect(await refused([path.join(folder, 'absent')])).toMatch(
    /is no kept machine: .*(No such file|Cannot open)/,
  );

  // Cut in the middle of its RAM.
  await run('tar', ['-xf', file, '-C', folder]);
  await run('sh', ['-c', 'size=$(stat -c %s state.gz); truncate -s $((size / 2)) state.gz'], { cwd: folder });
  const cut = path.join(folder, 'cut.tar');
  const names = (await readdir(folder)).filter((name) => name !== 'qemu');
  await run('tar', ['-cf', cut, '-C', folder, ...names]);
  expect(await refused([cut])).toMatch(/QEMU did not take the snapshot's state/);
});

function resultOf(title: string): SampleResult {
  const result = kept.get(title);
  if (!result) throw new Error(`The sample has no test '${title}': ${[...kept.keys()].join(', ')}`);
  return result;
}
