import { expect, test } from '@playwright/test';
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectGdb } from '../../../lib/gdb/index.js';
import {
  MemoryAccessError,
  openPhysicalMemory,
  READER_KINDS,
  readMmio,
  type ReaderKind,
} from '../../../lib/memory/index.js';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { isSync, NotRamError } from '../../../lib/paging/index.js';
import { FirmwareQemu } from '../monitor/firmware-qemu.js';

/** q35 with 5 GiB: RAM from 0 to 2 GiB, a hole for devices, and the other 3 GiB from 4 GiB on. */
const LOW_END = 0x8000_0000n;
const HIGH_START = 0x1_0000_0000n;
const HIGH_END = 0x1_c000_0000n;
const PATTERN_BYTES = 0x8000;
/** Where the patterns are: across pages, at both ends of the hole, at the end of RAM. */
const PATTERNS = [0x10_0000n, LOW_END - BigInt(PATTERN_BYTES), HIGH_START, HIGH_END - BigInt(PATTERN_BYTES)];

/** A stopped VM with a pattern of its own at each of these places, put there by QEMU itself (its "loader" device). */
async function start(...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'memory-patterns-'));
  const patterns = PATTERNS.map((address) => ({ address, bytes: randomBytes(PATTERN_BYTES) }));
  try {
    const loaders = patterns.flatMap(({ address, bytes }) => {
      const file = join(folder, address.toString(16));
      writeFileSync(file, bytes);
      return ['-device', `loader,file=${file},addr=0x${address.toString(16)},force-raw=on`];
    });
    const qemu = await FirmwareQemu.start('-S', '-m', '5G', ...loaders, ...args);
    return {
      qemu,
      ...(await qemu.orEnd(() => attach(qemu))),
      patterns,
      /** The first bytes of the pattern at an address. */
      pattern: (at: bigint, length: number) =>
        patterns.find(({ address }) => address === at)?.bytes.subarray(0, length) ?? Buffer.alloc(0),
      async [Symbol.asyncDispose]() {
        await this.gdb.close();
        await this.monitor.close();
        await qemu[Symbol.asyncDispose]();
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function attach(qemu: FirmwareQemu) {
  const monitor = await connectMonitor({ port: qemu.monitorPort });
  return { monitor, gdb: await connectGdb({ port: await qemu.openStub(monitor) }) };
}

function expectSame(got: Uint8Array, expected: ArrayLike<number>, what: string): void {
  expect(Buffer.compare(got, Buffer.from(expected)), what).toBe(0);
}

const FILE_BACKED = [
  '-object',
  'memory-backend-file,id=mem,size=5G,share=on,mem-path=FOLDER/ram',
  '-machine',
  'memory-backend=mem',
];

test('all readers give the same bytes: across pages, ranges, the hole and unaligned', async () => {
  await using vm = await start(...FILE_BACKED);
  for (const kind of READER_KINDS) {
    await using opened = await openPhysicalMemory({ monitor: vm.monitor, gdb: vm.gdb, kinds: [kind] });
    expect(opened.kind).toBe(kind);
    const read = (address: bigint, length: number) => opened.memory.read(address, length);
    for (const { address, bytes } of vm.patterns) {
      for (const [skip, length] of [
        [0, PATTERN_BYTES],
        [0, 8],
        [0xff8, 16],
        [1, 1],
        [0xffd, 0x1007],
        [PATTERN_BYTES - 5, 5],
        [3, 0],
      ] as const) {
        const where = `${kind} 0x${address.toString(16)} + ${String(skip)}, ${String(length)} bytes`;
        const got = await read(address + BigInt(skip), length);
        expect(got.length, where).toBe(length);
        expectSame(got, bytes.subarray(skip, skip + length), where);
      }
    }
    // Reads that one range alone does not hold: the BIOS's shadow below 1 MiB and RAM; the BIOS's ROM, which ends at 4 GiB, and RAM.
    const rom = await read(0xffff_0000n, 0x1_0000);
    expectSame(await read(0xf_0000n, 0x1_0000), rom, `${kind}: shadow`);
    expectSame(
      await read(0xf_fff0n, 32),
      [...rom.subarray(-16), ...vm.pattern(0x10_0000n, 16)],
      `${kind}: 1 MiB`,
    );
    expectSame(
      await read(HIGH_START - 16n, 32),
      [...rom.subarray(-16), ...vm.pattern(HIGH_START, 16)],
      `${kind}: 4 GiB`,
    );
  }
});

test('all readers refuse the same addresses, naming the first that is not memory', async () => {
  await using vm = await start(...FILE_BACKED);
  for (const kind of READER_KINDS) {
    await using opened = await openPhysicalMemory({ monitor: vm.monitor, gdb: vm.gdb, kinds: [kind] });
    for (const [address, length, bad] of [
      [LOW_END - 4n, 8, LOW_END],
      [LOW_END, 8, LOW_END],
      [LOW_END - 0x1000n, 0x2000, LOW_END],
      [HIGH_END - 1n, 2, HIGH_END],
      [0x000f_ffff_ffff_f000n, 8, 0x000f_ffff_ffff_f000n],
      [0xfec0_0000n, 4, 0xfec0_0000n],
    ] as const) {
      const failure: unknown = await opened.memory.read(address, length).catch((error: unknown) => error);
      expect(failure, `${kind} 0x${address.toString(16)}`).toBeInstanceOf(NotRamError);
      expect(failure).toMatchObject({ notRamAt: bad });
      const { memory } = opened;
      if (isSync(memory)) expect(() => memory.readSync(address, length)).toThrow(NotRamError);
    }
    // A refusal does no harm to what is asked for together with it.
    const [good, wrong] = await Promise.allSettled([
      opened.memory.read(HIGH_START, 8),
      opened.memory.read(LOW_END, 8),
    ]);
    expect([good.status, wrong.status]).toEqual(['fulfilled', 'rejected']);
  }
});

test('the fastest way is taken, and the reasons against the faster ones are given', async () => {
  await using shared = await start(...FILE_BACKED);
  await using first = await openPhysicalMemory({ monitor: shared.monitor });
  expect(first).toMatchObject({ kind: 'ram-file', pid: shared.qemu.pid, rejected: [] });
  expect(isSync(first.memory)).toBe(true);
  await using anonymous = await start();
  await using second = await openPhysicalMemory({ monitor: anonymous.monitor });
  expect(second).toMatchObject({ kind: 'process', pid: anonymous.qemu.pid });
  expect(second.summary).toMatch(/read by process.*Not by ram-file: The machine's RAM has no file/);
  const slow: ReaderKind[] = ['gdb', 'monitor'];
  await using third = await openPhysicalMemory({
    monitor: anonymous.monitor,
    gdb: anonymous.gdb,
    kinds: slow,
  });
  expect(third).toMatchObject({ kind: 'gdb' });
  expect(isSync(third.memory)).toBe(false);
  await using fourth = await openPhysicalMemory({ monitor: anonymous.monitor, kinds: slow });
  expect(fourth.summary).toBe('Guest memory is read by monitor. Not by gdb: no debugger is attached');
  await expect(
    openPhysicalMemory({ monitor: anonymous.monitor, kinds: ['ram-file'] }),
  ).rejects.toBeInstanceOf(MemoryAccessError);
});

test('the process is found over TCP and unix sockets; a wrong pid is not believed', async () => {
  await using vm = await start();
  await using byPath = await connectMonitor({ path: vm.qemu.monitorPath });
  for (const monitor of [vm.monitor, byPath]) {
    await using opened = await openPhysicalMemory({ monitor, kinds: ['process'] });
    expect(opened.pid).toBe(vm.qemu.pid);
  }
  await using other = await start();
  for (const pid of [process.pid, other.qemu.pid, 1]) {
    await using opened = await openPhysicalMemory({ monitor: vm.monitor, pid, kinds: ['process'] });
    expect(opened.pid).toBe(vm.qemu.pid);
    expectSame(await opened.memory.read(0x10_0000n, 64), vm.pattern(0x10_0000n, 64), `pid ${String(pid)}`);
  }
});

test("a private mapping's file is not read: it lacks what the guest sees", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-stale-'));
  try {
    const file = join(folder, 'a snapshot');
    const fd = openSync(file, 'w');
    writeSync(fd, 'stale'.repeat(100), Number(PATTERNS[0]));
    ftruncateSync(fd, 5 * 2 ** 30); // QEMU wants the size to match; nothing is written
    closeSync(fd);
    const backend = `memory-backend-file,id=mem,size=5G,share=off,mem-path=${file}`;
    await using vm = await start('-object', backend, '-machine', 'memory-backend=mem');
    await using opened = await openPhysicalMemory({ monitor: vm.monitor });
    expect(opened.kind).toBe('process');
    expect(opened.summary).toContain(`${file} is mapped privately`);
    for (const { address, bytes } of vm.patterns) {
      expectSame(await opened.memory.read(address, PATTERN_BYTES), bytes, 'private mapping');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a RAM file that was replaced or removed is not taken for the one that is mapped', async () => {
  await using vm = await start(...FILE_BACKED);
  rmSync(join(vm.qemu.folder, 'ram'));
  writeFileSync(join(vm.qemu.folder, 'ram'), 'another');
  writeFileSync(
    join(vm.qemu.folder, 'ram (deleted)'),
    'which is how the kernel shows the name of the one that is mapped',
  );
  await using opened = await openPhysicalMemory({ monitor: vm.monitor });
  expect(opened.kind).toBe('process');
  expect(opened.rejected).toMatchObject([
    { kind: 'ram-file', reason: expect.stringContaining('not the file of that name') as unknown },
  ]);
});

test('after the end of QEMU its memory is an error, not zeros', async () => {
  await using vm = await start();
  await using opened = await openPhysicalMemory({ monitor: vm.monitor });
  expect(opened.memory.readSync?.(HIGH_START, 8)).toHaveLength(8);
  await vm.qemu[Symbol.asyncDispose]();
  expect(() => opened.memory.readSync?.(HIGH_START, 8)).toThrow(MemoryAccessError);
  opened.close();
  expect(() => opened.memory.readSync?.(HIGH_START, 8)).toThrow(/closed/);
});

test('device registers are read one access each, and not as memory', async () => {
  await using vm = await start('-machine', 'kernel-irqchip=split', '-device', 'intel-iommu');
  // VT-d's version register reads 1.0 and its capability register is not 0 (VT-d specification §11.4.1, §11.4.2).
  expect(await readMmio(vm.monitor, 0xfed9_0000n, 'w')).toEqual([0x10n]);
  const [low, high] = await readMmio(vm.monitor, 0xfed9_0008n, 'w', 2);
  expect(await readMmio(vm.monitor, 0xfed9_0008n, 'g')).toEqual([((high ?? 0n) << 32n) | (low ?? 0n)]);
  expect(low).not.toBe(0n);
  await using opened = await openPhysicalMemory({ monitor: vm.monitor });
  await expect(opened.memory.read(0xfed9_0000n, 4)).rejects.toThrow(/intel_iommu.*readMmio/);
});
