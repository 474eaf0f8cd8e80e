import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  decodeSpte,
  encodeMmioSpte,
  InvalidArgumentError,
  type LinuxVersion,
  type SpteOptions,
} from '../../../lib/paging/index.js';
import { level, uint64 } from './support/arbitraries.js';
import { isWholeLayout } from './support/layout.js';

/** The hosts on which the values below were seen. */
const VMX: SpteOptions = { kernel: '6.1', mmu: 'ept', l1tfMask: 0xf8_0000_0000n };
const SVM: SpteOptions = { kernel: '6.1', mmu: 'npt' };

test.describe('MMIO SPTEs', () => {
  test('the one seen on EPT: gfn 0xb0, generation 8, no access bits', () => {
    expect(decodeSpte(0xf8_000b_0046n, 1, VMX)).toMatchObject({
      state: 'mmio',
      gpa: 0xb_0000n,
      access: 0,
      generation: 8,
      oddBits: 0n,
    });
    expect(encodeMmioSpte({ gpa: 0xb_0000n, access: 6, generation: 8 }, VMX)).toBe(0xf8_000b_0046n);
  });

  test('the one seen on NPT: bit 51 and P, W and U kept', () => {
    expect(decodeSpte(0x8_0000_000b_0047n, 1, SVM)).toMatchObject({
      state: 'mmio',
      gpa: 0xb_0000n,
      access: 6,
      generation: 8,
      oddBits: 0n,
    });
    expect(encodeMmioSpte({ gpa: 0xb_0000n, access: 7, generation: 8 }, SVM)).toBe(0x8_0000_000b_0047n);
  });

  test('a GPA of 32 GiB and more is moved up by five bits under the L1TF mask', () => {
    for (const gpa of [0x8_0000_0000n, 0xf_ffff_f000n, 0x80_0000_0000n, 0xff_ffff_f000n]) {
      const raw = encodeMmioSpte({ gpa, access: 0, generation: 0 }, VMX);
      expect(raw & 0xf8_0000_0000n).toBe(0xf8_0000_0000n);
      expect(raw).toBe(((gpa & 0xf8_0000_0000n) << 5n) | 0xf8_0000_0000n | (gpa & 0x7_ffff_f000n) | 6n);
      expect(decodeSpte(raw, 1, VMX)).toMatchObject({ state: 'mmio', gpa, oddBits: 0n });
    }
  });

  test('the generation is split: 7:0 at 10:3, 18:8 at 62:52', () => {
    const spte = (generation: number) =>
      encodeMmioSpte({ gpa: 0n, access: 0, generation }, { kernel: '6.1', mmu: 'ept' });
    expect(spte(0xff)).toBe((0xffn << 3n) | 6n);
    expect(spte(0x100)).toBe((1n << 52n) | 6n);
    expect(spte(0x40000)).toBe((1n << 62n) | 6n);
    expect(spte(0x7ffff)).toBe((0x7ffn << 52n) | (0xffn << 3n) | 6n);
  });

  test('6.12 asks for bit 63 to be clear; 6.1 does not look at it', () => {
    const marked = (1n << 63n) | 0xb_0046n;
    const plain: SpteOptions = { kernel: '6.1', mmu: 'ept' };
    expect(decodeSpte(marked, 1, plain)).toMatchObject({ state: 'mmio', oddBits: 1n << 63n });
    expect(decodeSpte(marked, 1, { ...plain, kernel: '6.12' }).state).toBe('unknown');
    expect(decodeSpte(0xb_0046n, 1, { ...plain, kernel: '6.12' })).toMatchObject({
      state: 'mmio',
      gpa: 0xb_0000n,
    });
  });

  test('an NPT host with SME has its own mask', () => {
    const options: SpteOptions = { ...SVM, nptMmioMask: (0x1fn << 47n) | 1n };
    expect(decodeSpte((0x1fn << 47n) | 0xb_0007n, 1, options)).toMatchObject({
      state: 'mmio',
      gpa: 0xb_0000n,
      access: 6,
    });
    expect(decodeSpte((1n << 51n) | 0xb_0007n, 1, options).state).toBe('unknown');
  });

  test('what would be stored as something else is rejected', () => {
    const plain: SpteOptions = { kernel: '6.1', mmu: 'ept', physicalBits: 40 };
    const encode = (gpa: bigint, generation: number) => () =>
      encodeMmioSpte({ gpa, access: 0, generation }, plain);
    expect(encode(0x123n, 0)).toThrow(InvalidArgumentError);
    expect(encode(1n << 40n, 0)).toThrow(InvalidArgumentError);
    expect(encode(0n, 2 ** 19)).toThrow(/19 bits/);
    expect(encode(0n, -1)).toThrow(InvalidArgumentError);
    expect(encode((1n << 40n) - 0x1000n, 2 ** 19 - 1)).not.toThrow();
    for (const l1tfMask of [0xf0_0000_0000n, 0x1f8_0000_0000n, 0xf80n, 0x1fn << 43n]) {
      expect(() => decodeSpte(6n, 1, { kernel: '6.1', mmu: 'ept', l1tfMask })).toThrow(
        /five neighbouring bits/,
      );
    }
  });
});

test.describe('present SPTEs', () => {
  test('the RAM leaf seen on EPT', () => {
    expect(decodeSpte(0x600_0000_0163_fb77n, 1, VMX)).toMatchObject({
      state: 'present',
      adTracking: 'enabled',
      hostWritable: true,
      mmuWritable: true,
      accessTracked: false,
      hardware: { type: 'ept-entry', address: 0x163_f000n, memoryType: 'WB' },
    });
    expect(decodeSpte(0x163_f867n, 1, SVM).hardware).toMatchObject({ format: 'npt', address: 0x163_f000n });
  });

  test('EPT keeps its writable bits at 57 and 58, NPT at 9 and 10', () => {
    const at = (bits: bigint, options: SpteOptions) => decodeSpte(bits | 0x1801n, 1, options);
    expect(at(1n << 57n, VMX)).toMatchObject({ hostWritable: true, mmuWritable: false });
    expect(at(1n << 58n, VMX)).toMatchObject({ hostWritable: false, mmuWritable: true });
    expect(at(1n << 9n, VMX)).toMatchObject({ hostWritable: false, mmuWritable: false });
    expect(at(1n << 9n, SVM)).toMatchObject({ hostWritable: true, mmuWritable: false });
    expect(at(1n << 10n, SVM)).toMatchObject({ hostWritable: false, mmuWritable: true });
    expect(at(1n << 57n, SVM)).toMatchObject({ hostWritable: false, mmuWritable: false });
  });

  test('A/D tracking in 53:52, and the rights that access tracking saved at 54 and 56', () => {
    const tracking = [0n, 1n, 2n, 3n].map((type) => {
      const spte = decodeSpte((type << 52n) | 0x1807n, 1, VMX);
      return spte.state === 'present' ? spte.adTracking : spte.state;
    });
    expect(tracking).toEqual(['enabled', 'disabled', 'write-protect-only', 'reserved']);
    expect(decodeSpte((1n << 52n) | (1n << 54n) | 0x1800n, 1, VMX)).toMatchObject({
      accessTracked: true,
      savedRead: true,
      savedExecute: false,
    });
    expect(decodeSpte((1n << 52n) | (1n << 56n) | 0x1800n, 1, VMX)).toMatchObject({
      accessTracked: true,
      savedRead: false,
      savedExecute: true,
    });
    expect(decodeSpte((1n << 52n) | 0x1801n, 1, VMX)).toMatchObject({ accessTracked: false });
  });

  test('bit 11 is what makes an SPTE present for KVM', () => {
    expect(decodeSpte(0x1007n, 1, VMX).state).toBe('unknown');
    expect(decodeSpte(0x1807n, 1, VMX).state).toBe('present');
    expect(decodeSpte(0x1067n, 1, SVM).state).toBe('unknown');
  });
});

test('empty and frozen entries differ by version', () => {
  const stateOf = (raw: bigint, kernel: LinuxVersion, mmu: 'ept' | 'npt') =>
    decodeSpte(raw, 1, { kernel, mmu }).state;
  for (const mmu of ['ept', 'npt'] as const) {
    expect(stateOf(0n, '6.1', mmu)).toBe('empty');
    expect(stateOf(1n << 63n, '6.1', mmu)).toBe('unknown');
    expect(stateOf(1n << 63n, '6.12', mmu)).toBe('empty');
    expect(stateOf(0n, '6.12', mmu)).toBe('unknown');
    expect(stateOf(0x5a0n, '6.1', mmu)).toBe('frozen');
    expect(stateOf(0x5a0n, '6.12', mmu)).toBe('unknown');
    expect(stateOf((1n << 63n) | 0x5a0n, '6.12', mmu)).toBe('frozen');
  }
});

test.describe('properties', () => {
  const options: fc.Arbitrary<SpteOptions> = fc
    .record({
      kernel: fc.constantFrom<LinuxVersion>('6.1', '6.12'),
      mmu: fc.constantFrom('ept' as const, 'npt' as const),
      lowest: fc.option(fc.integer({ min: 31, max: 41 }), { nil: undefined }),
    })
    .map(({ kernel, mmu, lowest }) =>
      lowest === undefined ? { kernel, mmu } : { kernel, mmu, l1tfMask: 0x1fn << BigInt(lowest) },
    );

  test('every MMIO SPTE encodes back, odd ones too', () => {
    fc.assert(
      fc.property(uint64, options, (value, settings) => {
        const raw = settings.mmu === 'ept' ? (value & ~((1n << 63n) | 7n)) | 6n : value | (1n << 51n) | 1n;
        const spte = decodeSpte(raw, 1, settings);
        return spte.state === 'mmio' && encodeMmioSpte(spte, settings) === raw;
      }),
      { numRuns: 1000 },
    );
  });

  test('what KVM would write decodes to what was put in', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 19n) - 1n }),
        fc.constantFrom(0, 2, 4, 6),
        fc.integer({ min: 0, max: 2 ** 19 - 1 }),
        options,
        (gfn, access, generation, settings) => {
          const gpa = gfn << 12n;
          const spte = decodeSpte(encodeMmioSpte({ gpa, access, generation }, settings), 1, settings);
          return (
            spte.state === 'mmio' &&
            spte.gpa === gpa &&
            spte.generation === generation &&
            spte.access === (settings.mmu === 'npt' ? access : 0) &&
            spte.oddBits === 0n
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('every value has a state and one name per bit', () => {
    fc.assert(
      fc.property(uint64, level, options, (raw, at, settings) =>
        isWholeLayout(decodeSpte(raw, at, settings).fields),
      ),
    );
  });
});
