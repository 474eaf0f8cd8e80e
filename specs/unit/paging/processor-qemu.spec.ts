import { expect, test } from '@playwright/test';
import { addressSpaceOf } from '../../../lib/guest/process/parked.js';
import { openPhysicalMemory } from '../../../lib/memory/index.js';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { levelName, processorOf, walk } from '../../../lib/paging/index.js';
import { runTool } from '../verify-pte/run-tool.js';
import { randomFrom } from '../../support/fuzz/random.js';
import { checkAccess } from './support/check-access.js';
import { KINDS, type RomAccess, runAccesses, TARGET } from './support/access-rom.js';

const ACCESSES = 200;
const BEYOND_TABLES = 0x20_0000n;

/** Tables with an address for each access, whose entries on the way have random rights, sizes and broken bits. */
function scene(levels: 4 | 5, width: number, largest: 2 | 3, seed: number) {
  const random = randomFrom(seed);
  const memory = new Map<bigint, bigint>();
  let next = BEYOND_TABLES;
  const table = (): bigint => (next += 0x1000n) - 0x1000n;
  const cr3 = table();
  const pml4 = levels === 5 ? table() : cr3;
  if (levels === 5) memory.set(cr3, pml4 | 7n);
  // The first 2 MiB, for the program itself.
  const [pdpt, pd] = [table(), table()];
  memory
    .set(pml4, pdpt | 3n)
    .set(pdpt, pd | 3n)
    .set(pd, 0x83n);

  const accesses: RomAccess[] = [];
  for (let index = 0; index < ACCESSES; index += 1) {
    const kind = KINDS[random(3)] ?? 'read';
    const address = (BigInt(index + 1) << 39n) | (TARGET + BigInt(index) * 0x1000n);
    const leafLevel = [1, 1, 2, largest][random(4)] ?? 1;
    let at = pml4 + BigInt(index + 1) * 8n;
    for (let level = 4; level >= leafLevel; level -= 1) {
      const shift = BigInt(12 + 9 * (level - 1));
      const leaf = level === leafLevel;
      const target = leaf ? ((TARGET + BigInt(index) * 0x1000n) >> shift) << shift : table();
      let entry = target | 1n | (leaf && level > 1 ? 0x80n : 0n);
      for (const bit of [1n, 2n, 5n, 6n, 8n, 63n]) if (random(bit === 63n ? 6 : 2) === 0) entry |= 1n << bit;
      // Sometimes a bit that may be reserved; fetches only from where there is memory.
      if (random(6) === 0)
        entry |= 1n << BigInt(random(2) === 0 ? width + random(52 - width) : 52 + random(12));
      else if (random(12) === 0 && kind !== 'fetch') entry |= 1n << BigInt(33 + random(width - 33));
      else if (random(30) === 0) entry &= ~1n;
      if (level === 4 && random(40) === 0) entry |= 0x80n;
      memory.set(at, entry);
      const index9 = (address >> (shift - 9n)) & 511n;
      if (!leaf) at = target + index9 * 8n;
    }
    accesses.push({ address, kind });
  }
  return { cr3, memory, accesses };
}

const PAE = 1n << 5n;
const LA57 = 1n << 12n;
const SMEP = 1n << 20n;
const SMAP = 1n << 21n;
const PKE = 1n << 22n;
const LME = 1n << 8n;
const NXE = 1n << 11n;

/** Each width with four and five levels; each bit of CR4 and EFER that decides a fault with and without the others. */
const machines = [39, 40, 46].flatMap((width) => [
  [`max,phys-bits=${width}`, width, PAE | SMEP | SMAP, LME | NXE] as const,
  [`max,phys-bits=${width},-nx,-smep,-smap,-pku,-pdpe1gb`, width, PAE, LME] as const,
  [`max,phys-bits=${width},-nx`, width, PAE | LA57 | SMEP | PKE, LME] as const,
  [`max,phys-bits=${width},-smep,-pdpe1gb`, width, PAE | LA57 | SMAP | PKE, LME | NXE] as const,
]);

for (const [cpu, width, cr4, efer] of machines) {
  const name = `${cpu}, CR4 0x${cr4.toString(16)}, EFER 0x${efer.toString(16)}`;
  test(`random entries mean to a real QEMU what they mean to us: ${name}`, async () => {
    // TCG takes pages of 1 GiB whatever its CPUID says: without them none is tried.
    const hasGiant = !cpu.includes('-pdpe1gb');
    const seed = 20_261_128 + width + Number(cr4 & 0xfff0n);
    const { cr3, memory, accesses } = scene((cr4 & LA57) === 0n ? 4 : 5, width, hasGiant ? 3 : 2, seed);
    await using run = await runAccesses({ cpu, cr3, cr4, efer, memory, accesses });
    const { qemu, errorCodes } = run;
    await using monitor = await connectMonitor({ port: qemu.monitorPort, deadlineMs: 20_000 });
    const [registers] = await monitor.infoRegisters();
    if (registers === undefined) throw new Error('no vCPU');
    const processor = processorOf(registers, registers.features);
    expect(processor).toMatchObject({
      maxPhysicalAddress: width,
      gigabytePages: hasGiant,
      levels: (cr4 & LA57) === 0n ? 4 : 5,
      nxe: (efer & NXE) !== 0n,
      smep: (cr4 & SMEP) !== 0n,
      smap: (cr4 & SMAP) !== 0n,
      protectionKeys: (cr4 & PKE) !== 0n,
      writeProtect: true,
      pcide: false,
    });
    await using opened = await openPhysicalMemory({ monitor });
    const outcomes = new Map<string, number>();
    let translated = 0;
    for (const [index, { address, kind }] of accesses.entries()) {
      const found = await walk(opened.memory, addressSpaceOf(registers), address);
      // QEMU's own walk for debuggers knows no rules for reserved bits, and tells nothing of entries that break them.
      if (found.mapped || found.fault.reason === 'not-present') {
        translated += 1;
        expect(await monitor.gva2gpa(address), `0x${address.toString(16)}`).toBe(
          found.mapped ? found.physicalAddress : undefined,
        );
      }
      const expected = checkAccess(found, { kind, user: false }, { ...processor, pkru: 0 });
      if (expected.outcome === 'unknown') continue; // a table outside of RAM, where QEMU reads zeros
      const said = found.mapped
        ? found.steps.map(({ raw }) => raw.toString(16)).join(' ')
        : found.fault.message;
      expect(errorCodes[index], `${kind} of 0x${address.toString(16)}: ${said}`).toBe(
        expected.pageFault?.raw,
      );
      const outcome = expected.pageFault?.raw.toString(16) ?? 'permitted';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // The scene is of use: accesses of several outcomes were compared, reserved bits among them.
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(ACCESSES / 2);
    expect(outcomes.size).toBeGreaterThan(3);
    expect(outcomes.get('9') ?? 0).toBeGreaterThan(3);
    expect(translated).toBeGreaterThan(ACCESSES / 4);
  });
}

test('a page whose entry sets an address bit that the processor does not have is not called cleared', async () => {
  // A 2 MiB page with bit 45 set, on a processor of 40 bits.
  const memory = new Map([
    [0x1_0000n, 0x1_1003n],
    [0x1_1000n, 0x1_2003n],
    [0x1_2000n, 0x83n],
    [0x1_2008n, 0x2000_0020_0083n],
  ]);
  const access = { address: 0x20_0000n, kind: 'read' } as const;
  const machine = { cr3: 0x1_0000n, cr4: PAE, efer: LME, memory, accesses: [access] };
  for (const [bits, code, verdict, exitCode] of [
    [40, 9n, 'unreadable', 1],
    [46, undefined, 'cleared', 0],
  ] as const) {
    await using run = await runAccesses({ ...machine, cpu: `max,phys-bits=${bits}` });
    const { qemu, errorCodes } = run;
    expect(errorCodes).toEqual([code]);
    const tool = await runTool(['--unix', qemu.monitorPath, '0x200000', '--json']);
    expect(tool, tool.stderr).toMatchObject({ exitCode, stderr: '' });
    const report = JSON.parse(tool.stdout) as { fault?: { message: string } };
    expect(report).toMatchObject({ verdict, processor: { maxPhysicalAddress: bits } });
    if (exitCode === 1)
      expect(report.fault?.message).toContain(`reserved bits 45 of a ${levelName(2)} entry`);
    const text = await runTool(['--unix', qemu.monitorPath, '0x200000']);
    expect(text.stdout.includes('PASSED')).toBe(exitCode === 0);
    expect(text.stdout).toContain(`physical-address bits ${bits}, 4 levels, no-execute no, 1 GiB pages yes`);
  }
});
