import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  decodeVmFlags,
  encodeVmFlags,
  InvalidArgumentError,
  parseVmFlags,
  protectionFromVma,
  VMA_FLAGS,
  vmaFlagBit,
  type VmaAccess,
} from '../../../lib/paging/index.js';

/** The flags of a kernel as bit → name. */
function flagsOf(kernel: string): Record<number, string> {
  const found: Record<number, string> = {};
  for (const flag of VMA_FLAGS) {
    const bit = vmaFlagBit(flag, kernel);
    if (bit === undefined) continue;
    expect(found[bit], `${flag.name} and ${found[bit] ?? ''} at bit ${bit} of ${kernel}`).toBeUndefined();
    found[bit] = flag.name;
  }
  return found;
}

/** include/linux/mm.h of Linux 6.1, as x86-64 compiles it. */
const LINUX_6_1 = {
  0: 'VM_READ',
  1: 'VM_WRITE',
  2: 'VM_EXEC',
  3: 'VM_SHARED',
  4: 'VM_MAYREAD',
  5: 'VM_MAYWRITE',
  6: 'VM_MAYEXEC',
  7: 'VM_MAYSHARE',
  8: 'VM_GROWSDOWN',
  9: 'VM_UFFD_MISSING',
  10: 'VM_PFNMAP',
  12: 'VM_UFFD_WP',
  13: 'VM_LOCKED',
  14: 'VM_IO',
  15: 'VM_SEQ_READ',
  16: 'VM_RAND_READ',
  17: 'VM_DONTCOPY',
  18: 'VM_DONTEXPAND',
  19: 'VM_LOCKONFAULT',
  20: 'VM_ACCOUNT',
  21: 'VM_NORESERVE',
  22: 'VM_HUGETLB',
  23: 'VM_SYNC',
  24: 'VM_ARCH_1',
  25: 'VM_WIPEONFORK',
  26: 'VM_DONTDUMP',
  27: 'VM_SOFTDIRTY',
  28: 'VM_MIXEDMAP',
  29: 'VM_HUGEPAGE',
  30: 'VM_NOHUGEPAGE',
  31: 'VM_MERGEABLE',
  37: 'VM_UFFD_MINOR',
};

test('the flags of 6.1 and of 6.12', () => {
  expect(flagsOf('6.1')).toEqual(LINUX_6_1);
  expect(flagsOf('6.1.192')).toEqual(LINUX_6_1);
  expect(flagsOf('6.12')).toEqual({
    ...LINUX_6_1,
    37: 'VM_SHADOW_STACK',
    38: 'VM_UFFD_MINOR',
    40: 'VM_DROPPABLE',
    63: 'VM_SEALED',
  });
});

test('the flags that are gone, and the kernels that had them', () => {
  const lastOf = (name: string, kernels: readonly string[]) =>
    kernels.map((kernel) => Object.values(flagsOf(kernel)).includes(name));
  expect(lastOf('VM_SHM', ['2.6.14', '2.6.15'])).toEqual([true, false]);
  expect(lastOf('VM_EXECUTABLE', ['3.6', '3.7'])).toEqual([true, false]);
  expect(lastOf('VM_RESERVED', ['3.6.11', '3.7'])).toEqual([true, false]);
  expect(lastOf('VM_NONLINEAR', ['3.19', '4.0'])).toEqual([true, false]);
  expect(lastOf('VM_DENYWRITE', ['5.14.21', '5.15'])).toEqual([true, false]);
  expect(lastOf('VM_GROWSUP', ['2.6.37', '2.6.38'])).toEqual([true, false]);
});

test('one bit, other kernels, other flags', () => {
  const nameAt = (bit: number, kernel: string) =>
    decodeVmFlags(1n << BigInt(bit), kernel).flags.map(({ name }) => name);
  expect(nameAt(10, '2.6.14')).toEqual(['VM_SHM']);
  expect(nameAt(10, '6.1')).toEqual(['VM_PFNMAP']);
  expect(nameAt(12, '3.6')).toEqual(['VM_EXECUTABLE']);
  expect(nameAt(12, '6.1')).toEqual(['VM_UFFD_WP']);
  expect(nameAt(23, '3.19')).toEqual(['VM_NONLINEAR']);
  expect(nameAt(23, '6.1')).toEqual(['VM_SYNC']);
  expect(nameAt(11, '6.1')).toEqual([]);
  expect(decodeVmFlags(0x800n, '6.1').otherBits).toBe(0x800n);
});

test('every VM_* flag from Linux 2.6 to 3.19 is there', () => {
  const names = new Set(VMA_FLAGS.map((flag) => flag.name));
  const flags =
    'READ WRITE EXEC SHARED MAYREAD MAYWRITE MAYEXEC MAYSHARE GROWSDOWN GROWSUP SHM DENYWRITE EXECUTABLE LOCKED IO SEQ_READ RAND_READ DONTCOPY DONTEXPAND RESERVED ACCOUNT HUGETLB NONLINEAR';
  expect(flags.split(' ').filter((name) => !names.has(`VM_${name}`))).toEqual([]);
});

test('a VmFlags line of smaps', () => {
  const parsed = parseVmFlags('VmFlags: rd wr mr mw me lo ac sd ?? zz');
  expect([...parsed.names]).toEqual([
    'VM_READ',
    'VM_WRITE',
    'VM_MAYREAD',
    'VM_MAYWRITE',
    'VM_MAYEXEC',
    'VM_LOCKED',
    'VM_ACCOUNT',
    'VM_SOFTDIRTY',
  ]);
  expect(parsed.unknown).toEqual(['??', 'zz']);
  expect(parseVmFlags('  rd  ex ').flags.map((flag) => flag.name)).toEqual(['VM_READ', 'VM_EXEC']);
  expect(parseVmFlags('').flags).toEqual([]);
});

test('the two letters of every flag, as fs/proc/task_mmu.c has them, and no pair twice', () => {
  const letters = VMA_FLAGS.flatMap((flag) => (flag.letters === undefined ? [] : [flag.letters]));
  expect(new Set(letters).size).toBe(letters.length);
  const line = 'rd wr ex sh mr mw me ms gd um pf uw lo io sr rr dc de ac nr ht sf ar wf dd sd mm hg nh mg ui';
  const names = parseVmFlags(line).flags.map((flag) => flag.name);
  expect(names).toEqual(Object.values(LINUX_6_1).filter((name) => name !== 'VM_LOCKONFAULT'));
});

test('encode(decode(x)) = x for what a kernel knows', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.constantFrom('6.1', '6.12', '3.2'),
      (raw, kernel) => {
        const { flags, otherBits } = decodeVmFlags(raw, kernel);
        return (
          (encodeVmFlags(flags, kernel) | otherBits) === raw &&
          (encodeVmFlags(flags, kernel) & otherBits) === 0n
        );
      },
    ),
  );
});

test('a flag that a kernel does not have cannot be encoded; nonsense is no version', () => {
  const flags = VMA_FLAGS.filter((flag) => flag.name === 'VM_RESERVED');
  expect(() => encodeVmFlags(flags, '6.1')).toThrow('Linux 6.1 has no VM_RESERVED.');
  expect(encodeVmFlags(flags, '3.6')).toBe(0x8_0000n);
  expect(() => decodeVmFlags(0n, 'latest')).toThrow(InvalidArgumentError);
});

test.describe('the protection that Linux derives', () => {
  const of = (text: string) => {
    const access: VmaAccess = {
      read: text.includes('r'),
      write: text.includes('w'),
      execute: text.includes('x'),
      shared: text.includes('s'),
    };
    return protectionFromVma(access);
  };

  test('the sixteen combinations of protection_map (6.1, arch/x86/mm/pgprot.c)', () => {
    const NX = 1n << 63n;
    const expected: Record<string, [string, bigint]> = {
      '----': ['PAGE_NONE', 0x120n],
      'r---': ['PAGE_READONLY', NX | 0x25n],
      '-w--': ['PAGE_COPY', NX | 0x25n],
      'rw--': ['PAGE_COPY', NX | 0x25n],
      '--x-': ['PAGE_READONLY_EXEC', 0x25n],
      'r-x-': ['PAGE_READONLY_EXEC', 0x25n],
      '-wx-': ['PAGE_COPY_EXEC', 0x25n],
      'rwx-': ['PAGE_COPY_EXEC', 0x25n],
      '---s': ['PAGE_NONE', 0x120n],
      'r--s': ['PAGE_READONLY', NX | 0x25n],
      '-w-s': ['PAGE_SHARED', NX | 0x27n],
      'rw-s': ['PAGE_SHARED', NX | 0x27n],
      '--xs': ['PAGE_READONLY_EXEC', 0x25n],
      'r-xs': ['PAGE_READONLY_EXEC', 0x25n],
      '-wxs': ['PAGE_SHARED_EXEC', 0x27n],
      rwxs: ['PAGE_SHARED_EXEC', 0x27n],
    };
    const actual = Object.fromEntries(
      Object.keys(expected).map((text) => [text, [of(text).name, of(text).pgprot]]),
    );
    expect(actual).toEqual(expected);
  });

  test('private writable: read-only until the first write', () => {
    const { beforeWrite, afterWrite } = of('rw--');
    expect(beforeWrite).toEqual({ set: (1n << 63n) | 0x5n, cleared: 0x2n });
    expect(afterWrite).toEqual({ set: (1n << 63n) | 0x47n, cleared: 0n });
    // The PTE of a user page that was written, as it was read from a guest.
    expect(0x8000_0000_1f0b_a867n & (afterWrite?.set ?? 0n)).toBe(afterWrite?.set);
  });

  test('shared writable: before the first write R/W may be either', () => {
    expect(of('rw-s').beforeWrite).toEqual({ set: (1n << 63n) | 0x5n, cleared: 0n });
    expect(of('rw-s').afterWrite).toEqual({ set: (1n << 63n) | 0x47n, cleared: 0n });
  });

  test('no access: P clear and bit 8 set, not the page-size bit', () => {
    expect(of('----').beforeWrite).toEqual({ set: 0x100n, cleared: 0x7n });
    expect(of('----').afterWrite).toBeUndefined();
  });

  test('executable pages have NX clear, read-only ones are never written', () => {
    expect(of('r-x-').beforeWrite).toEqual({ set: 0x5n, cleared: (1n << 63n) | 0x2n });
    expect(of('r-x-').afterWrite).toBeUndefined();
    expect(of('rwx-').afterWrite).toEqual({ set: 0x47n, cleared: 1n << 63n });
  });

  test('without NX no page has it', () => {
    const access = { read: true, write: true, execute: false, shared: false };
    const plain = protectionFromVma(access, { nxe: false });
    expect(plain.pgprot).toBe(0x25n);
    expect(plain.beforeWrite).toEqual({ set: 0x5n, cleared: (1n << 63n) | 0x2n });
  });
});
