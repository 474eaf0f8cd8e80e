import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { connectMonitor } from '../../../../lib/monitor/index.js';
import { FirmwareQemu } from '../../monitor/firmware-qemu.js';

/**
 * A ROM for `-bios` that goes straight to 64-bit mode on page tables of the test's making, makes the accesses that it is told to, in
 * supervisor mode, and writes down the error code of each page fault. Assembled from (real mode, protected mode, long mode):
 *
 *   cli; lgdtl gdtr; mov $1,%eax; mov %eax,%cr0; ljmpl $8,$pm
 *   pm: ds, ss = 16; cr4 = [0x1000]; cr3 = [0x1010]; EFER = [0x1004] (wrmsr); cr0 = [0x1014]; ljmp $24,$lm
 *   lm: lidt idtr; r12 = 0
 *   loop: r12 >= [0x100c]: done; rbx = [0x2000 + 16 × r12]; ecx = [0x2008 + 16 × r12]; rbp = -1; rsp = 0x8000
 *         ecx 0: mov (%rbx),%al     1: movb $0xc3,(%rbx)     2: call *%rbx (the pages hold 0xc3, ret)
 *   next: [0x4000 + 8 × r12] = rbp; r12 += 1; loop
 *   pf (#PF): pop %rbp; rsp = 0x8000; next          done: [0x5000] = 1; hlt
 */
const CODE =
  'fa2e660f0116e00066b8010000000f22c066ea19000f00080066b810008ed88ed0a1001000000f22e0a1101000000f22d8b9800000c0' +
  'a10410000031d20f30a1141000000f22c0ea4e000f0018000f011c25e6000f004531e4443b24250c10000073484589e541c1e504498b' +
  '9d00200000418b8d0820000048c7c5ffffffffbc0080000083f901740677098a03eb07c603c3eb02ffd34a892ce50040000041ffc4eb' +
  'b65dbc00800000ebebc704250050000001000000f4ebf20f1f8000000000' +
  '0000000000000000ffff0000009bcf00ffff00000093cf00ffff0000009baf001f00c0000f00ef00f0000f00';
/** The gate of vector 14, after fourteen empty ones at 0xf0. */
const PAGE_FAULT_GATE = 'a3001800008e0f000000000000000000';
const RESET = 'ea000000f0'; // ljmp $0xf000,$0

/** 2 MiB of pages that hold `ret`, to be accessed. */
export const TARGET = 0x100_0000n;

export const KINDS = ['read', 'write', 'fetch'] as const;

export interface RomAccess {
  readonly address: bigint;
  readonly kind: (typeof KINDS)[number];
}

export interface RomRun {
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly accesses: readonly RomAccess[];
  /** Physical address and value of each entry. The tables must map the first 2 MiB to themselves. */
  readonly memory: ReadonlyMap<bigint, bigint>;
  /** `-cpu` of QEMU. */
  readonly cpu: string;
}

/** Files that QEMU's loader puts into memory: what the ROM reads and tables below 640 KiB, tables from 2 MiB on, and the targets. */
function images({ accesses, memory, ...registers }: RomRun): { address: number; bytes: Buffer }[] {
  const low = { address: 0x1000, bytes: Buffer.alloc(0x9_f000) };
  const high = { address: 0x20_0000, bytes: Buffer.alloc(0x40_0000) };
  const put = (address: number, value: bigint): void => {
    const image = address < high.address ? low : high;
    image.bytes.writeBigUInt64LE(value, address - image.address);
  };
  put(0x1000, registers.cr4 | (registers.efer << 32n));
  put(0x1008, BigInt(accesses.length) << 32n);
  put(0x1010, registers.cr3 | (0x8001_0033n << 32n)); // CR0: PG, WP, NE, ET, MP, PE
  accesses.forEach(({ address, kind }, index) => {
    put(0x2000 + 16 * index, address);
    put(0x2008 + 16 * index, BigInt(KINDS.indexOf(kind)));
  });
  for (const [address, value] of memory) put(Number(address), value);
  return [low, high, { address: Number(TARGET), bytes: Buffer.alloc(0x20_0000, 0xc3) }];
}

function romImage(): Buffer {
  const rom = Buffer.alloc(0x1_0000);
  rom.write(CODE, 'hex');
  rom.write(PAGE_FAULT_GATE, 0xf0 + 14 * 16, 'hex');
  rom.write(RESET, 0xfff0, 'hex');
  return rom;
}

/** Makes the accesses. The machine runs on (in HLT) when this resolves; `errorCodes` has undefined for an access that succeeded. */
export async function runAccesses(run: RomRun) {
  const folder = mkdtempSync(join(tmpdir(), 'access-rom-'));
  try {
    writeFileSync(join(folder, 'rom'), romImage());
    const loaders = images(run).flatMap(({ address, bytes }, index) => {
      const file = join(folder, String(index));
      writeFileSync(file, bytes);
      return ['-device', `loader,file=${file},addr=0x${address.toString(16)},force-raw=on`];
    });
    const args = ['-m', '64', '-cpu', run.cpu, '-bios', join(folder, 'rom'), ...loaders];
    const qemu = await FirmwareQemu.start(...args);
    return await qemu.orEnd(async () => {
      await using monitor = await connectMonitor({ path: qemu.monitorPath, deadlineMs: 20_000 });
      await expect
        .poll(() => monitor.xp({ address: 0x5000n, unit: 'g', count: 1 }), { timeout: 20_000 })
        .toEqual([1n]);
      const codes = await monitor.xp({ address: 0x4000n, unit: 'g', count: run.accesses.length });
      return {
        qemu,
        errorCodes: codes.map(errorCode),
        [Symbol.asyncDispose]: () => qemu[Symbol.asyncDispose](),
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** QEMU's TCG leaves P out of a code with RSVD, which processors set always (SDM vol. 3, 4.7). */
function errorCode(stored: bigint): bigint | undefined {
  if (stored === (1n << 64n) - 1n) return undefined;
  return (stored & 8n) === 0n ? stored : stored | 1n;
}
