import { expect, test } from '@playwright/test';
import { parseCpuinfo } from '../../../lib/guest/cpuinfo.js';
import { EptLab } from '../../../lib/guest/ept-lab/ept-lab.js';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { cpuPathIn, parseFeatures } from '../../../lib/monitor/parse/processor.js';
import {
  decodeEptEntry,
  decodeSpte,
  decodeX86Entry,
  describe,
  fieldValue,
  processorOf,
  scanSync,
  summary,
  walkSync,
  x86Space,
  type AnyDecoded,
} from '../../../lib/paging/index.js';
import { FakeMonitor } from '../monitor/fake-monitor.js';
import { recorded } from '../monitor/recorded.js';
import { checkAccess } from './support/check-access.js';
import { TableBuilder } from './support/table-builder.js';

const BIT_45 = 1n << 45n;

function walkWith(entry: bigint, options: Partial<Parameters<typeof x86Space>[0]>, level: 1 | 2 | 3 = 1) {
  const tables = new TableBuilder();
  tables.map(0x4000_0000n, entry, level);
  const space = x86Space({ cr3: tables.root, ...options });
  return { walk: walkSync(tables.memory, space, 0x4000_0000n), scan: scanSync(tables.memory, space) };
}

test('where the width is not known, an entry that depends on it is neither a page nor a fault', () => {
  const high = walkWith(BIT_45 | 0x1063n, { maxPhysicalAddress: 'unknown' });
  expect(high.walk).toMatchObject({ mapped: false, fault: { reason: 'unknown-processor' } });
  expect(high.walk.fault?.message).toMatch(/physical-address width unknown: bits 45 of a PT entry/);
  expect(high.scan.problems.map(({ reason }) => reason)).toEqual(['unknown-processor']);
  expect(checkAccess(high.walk, { kind: 'read', user: true })).toMatchObject({ outcome: 'unknown' });
  // What no width makes wrong is no matter of doubt, and what every width makes wrong is a fault.
  expect(walkWith(0xffff_f063n, { maxPhysicalAddress: 'unknown' }).walk).toMatchObject({ mapped: true });
  const broken = walkWith((1n << 63n) | BIT_45 | 0x1063n, { maxPhysicalAddress: 'unknown', nxe: false });
  expect(broken.walk.fault?.reason).toBe('reserved-bits');
  const giant = walkWith(0x4000_00e3n, { gigabytePages: 'unknown' }, 3);
  expect(giant.walk.fault).toMatchObject({ reason: 'unknown-processor' });
  expect(giant.walk.fault?.message).toMatch(/1 GiB pages unknown: bit 7 of a PDPT entry/);
});

test('control registers and CPUID make one value', () => {
  const features = { maxPhysicalAddress: 46, gigabytePages: false };
  const registers = { cr0: 0x8005_0033n, cr4: 0x77_1ef0n, efer: 0xd01n };
  expect(processorOf(registers, features)).toEqual({
    ...features,
    levels: 5,
    nxe: true,
    writeProtect: true,
    smep: true,
    smap: true,
    protectionKeys: true,
    pcide: true,
  });
  expect(processorOf({ cr0: 0n, cr4: 0n, efer: 0n })).toEqual({
    maxPhysicalAddress: 'unknown',
    gigabytePages: 'unknown',
    levels: 4,
    nxe: false,
    writeProtect: false,
    smep: false,
    smap: false,
    protectionKeys: false,
    pcide: false,
  });
});

test('a fetch is told in an error code only with NXE or SMEP', () => {
  const { walk } = walkWith(0n, {});
  for (const [nxe, smep, code] of [
    [false, false, 0x4n],
    [true, false, 0x14n],
    [false, true, 0x14n],
    [true, true, 0x14n],
  ] as const) {
    expect(checkAccess(walk, { kind: 'fetch', user: true }, { nxe, smep }).pageFault?.raw).toBe(code);
  }
});

test('protection keys decide only where CR4.PKE is set, and their verdict is unknown without PKRU', () => {
  const { walk } = walkWith((5n << 59n) | 0x1067n, {});
  const read = { kind: 'read', user: true } as const;
  const forbidden = 1 << 10;
  expect(checkAccess(walk, read, { pkru: forbidden }).pageFault?.raw).toBe(0x25n);
  expect(checkAccess(walk, read, { pkru: forbidden, protectionKeys: false }).outcome).toBe('permitted');
  expect(checkAccess(walk, read, { protectionKeys: true }).outcome).toBe('unknown');
  expect(checkAccess(walk, { kind: 'fetch', user: true }, { protectionKeys: true }).outcome).toBe(
    'permitted',
  );
});

test('an SPTE is read with the width that is given', () => {
  for (const mmu of ['ept', 'npt'] as const) {
    const at = (physicalBits?: number) =>
      decodeSpte(BIT_45 | 0x1807n, 1, {
        kernel: '6.1',
        mmu,
        ...(physicalBits === undefined ? {} : { physicalBits }),
      });
    expect(at(45).hardware.violations[0]?.bits).toBe(BIT_45);
    expect(at(46).hardware.violations).toEqual([]);
    expect(at().hardware.violations).toEqual([]);
    expect(summary(at(45))).toContain('BROKEN: reserved bits 45');
    expect(describe(at(45))).toContain('broken rule: reserved bits 45');
  }
});

test('a summary and the description under it tell the same address', () => {
  const values: AnyDecoded[] = [
    decodeX86Entry(BIT_45 | 0x4000_00e7n, 3, { maxPhysicalAddress: 40, gigabytePages: false }),
    decodeX86Entry(BIT_45 | 0x1067n, 1, { maxPhysicalAddress: 40 }),
    decodeX86Entry(BIT_45 | 0x1067n, 1, { maxPhysicalAddress: 'unknown' }),
    decodeEptEntry(BIT_45 | 0x1037n, 1, { maxPhysicalAddress: 40 }),
    decodeEptEntry(BIT_45 | 0x1007n, 2, { maxPhysicalAddress: 40 }),
    decodeSpte(BIT_45 | 0x1837n, 1, { kernel: '6.1', mmu: 'ept', physicalBits: 40 }),
  ];
  for (const value of values) {
    const address = value.fields.find(({ role }) => role === 'address');
    if (address === undefined) throw new Error('no address');
    const told = fieldValue(address, value.raw) << BigInt(address.low);
    expect(summary(value)).toContain(` at 0x${told.toString(16)};`);
    expect(describe(value)).toContain(`address = 0x${told.toString(16)}:`);
  }
  // The parts of a guest-physical address that was moved are not called the whole one.
  const moved = decodeSpte(0xf8_000b_0046n, 1, { kernel: '6.1', mmu: 'ept', l1tfMask: 0xf8_0000_0000n });
  expect(summary(moved)).toContain('gpa 0xb0000');
  expect(describe(moved)).toContain('gpa 34:12 = 0xb0000');
  expect(describe(moved)).not.toMatch(/ gpa = /);
});

test('a map of the guest module is read with the width of its processor', async () => {
  const files: Record<string, string> = {
    '/proc/ept_lab': 'eptp 0x1001e\ntables 0x1\n',
    '/proc/cpuinfo': 'address sizes\t: 40 bits physical, 48 bits virtual\n',
  };
  const succeed = (argv: readonly string[]) => Promise.resolve(files[argv.at(-1) ?? ''] ?? '');
  const lab = await EptLab.load({ succeed, run: () => Promise.reject(new Error('not asked for')) });
  const space = await lab.space();
  expect(space.root).toBe(0x1_0000n);
  expect(space.format.decode(BIT_45 | 0x1037n, 1).violations[0]?.bits).toBe(BIT_45);
  files['/proc/cpuinfo'] = '';
  await expect(lab.space()).rejects.toThrow(/does not tell its address sizes/);
});

test.describe('what the machine tells of its processor', () => {
  test('numbers and truth values; all else is unknown', () => {
    expect(parseFeatures(['46\r\n', 'true\r\n'])).toEqual({ maxPhysicalAddress: 46, gigabytePages: true });
    expect(parseFeatures(['52', 'false'])).toEqual({ maxPhysicalAddress: 52, gigabytePages: false });
    const unknown = { maxPhysicalAddress: 'unknown', gigabytePages: 'unknown' };
    for (const odd of [
      "Error: Property 'serial.phys-bits' not found",
      "unknown command: 'qom-get'",
      '',
      '0',
      '64',
    ]) {
      expect(parseFeatures([odd, odd])).toEqual(unknown);
    }
    expect(parseFeatures([])).toEqual(unknown);
  });

  test('a vCPU is found wherever it is in the tree of objects', () => {
    const tree = [
      '/machine (pc-q35-10.0-machine)',
      '  /peripheral (container)',
      '    /cpu1 (host-x86_64-cpu)',
      '      /lapic (apic)',
      '  /unattached (container)',
      '    /device[0] (fw_cfg)',
    ];
    expect(cpuPathIn(tree.join('\r\n'))).toBe('/machine/peripheral/cpu1');
    expect(cpuPathIn(tree.filter((line) => !line.includes('cpu')).join('\n'))).toBeUndefined();
  });

  test('it is asked once, in the usual place first, and goes with the registers', async () => {
    const replies: Record<string, string> = {
      'info registers -a': recorded('registers-la57'),
      'info qom-tree': '/machine (m)\n  /peripheral (container)\n    /cpu1 (max-x86_64-cpu)\n',
      'qom-get /machine/peripheral/cpu1 phys-bits': '39\n',
      'qom-get /machine/peripheral/cpu1 pdpe1gb': 'true\n',
    };
    await using fake = await FakeMonitor.start({
      answer: (command) => replies[command] ?? 'Error: no such path\n',
    });
    await using monitor = await connectMonitor({ port: fake.port });
    for (let time = 0; time < 2; time += 1) {
      const registers = await monitor.infoRegisters();
      expect(registers.map(({ features }) => features)).toEqual(
        registers.map(() => ({ maxPhysicalAddress: 39, gigabytePages: true })),
      );
    }
    expect(fake.commands.filter((command) => command === 'info qom-tree')).toHaveLength(1);
  });

  test('the guest tells it by /proc/cpuinfo', () => {
    const cpuinfo =
      'flags\t\t: fpu vme pdpe1gb rdtscp\nbogomips\t: 4000.00\naddress sizes\t: 40 bits physical, 48 bits virtual\n';
    expect(parseCpuinfo(cpuinfo)).toEqual({ maxPhysicalAddress: 40, gigabytePages: true });
    expect(parseCpuinfo(cpuinfo.replace('pdpe1gb ', ''))).toMatchObject({ gigabytePages: false });
    expect(parseCpuinfo('processor : 0\n')).toEqual({
      maxPhysicalAddress: 'unknown',
      gigabytePages: 'unknown',
    });
  });
});
