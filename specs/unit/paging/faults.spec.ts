import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  EFER,
  EPT_VIOLATION,
  EPT_VPID_CAP,
  InvalidArgumentError,
  MISC_ENABLE,
  noExecuteInEffect,
  PAGE_FAULT,
  PFERR,
} from '../../../lib/paging/index.js';
import { uint64 } from './support/arbitraries.js';
import { isWholeLayout } from './support/layout.js';

/** The properties that are true, in the order of their bits. */
function flagsOf(value: object): string[] {
  return Object.entries(value)
    .filter(([, flag]) => flag === true)
    .map(([name]) => name);
}

/** Which property each single bit of a word sets: the whole table at once. */
function table(decode: (raw: bigint) => object): Record<number, string> {
  const found: Record<number, string> = {};
  for (let position = 0; position < 64; position += 1) {
    const [name] = flagsOf(decode(1n << BigInt(position)));
    if (name !== undefined) found[position] = name;
  }
  return found;
}

test('#PF error code', () => {
  expect(flagsOf(PAGE_FAULT.decode(0x5n))).toEqual(['protection', 'user']);
  expect(flagsOf(PAGE_FAULT.decode(0x7n))).toEqual(['protection', 'write', 'user']);
  expect(flagsOf(PAGE_FAULT.decode(0x0n))).toEqual([]);
  expect(table(PAGE_FAULT.decode)).toEqual({
    0: 'protection',
    1: 'write',
    2: 'user',
    3: 'reservedBit',
    4: 'instructionFetch',
    5: 'protectionKey',
    6: 'shadowStack',
    15: 'sgx',
    31: 'rmp',
  });
});

test('KVM’s error codes, by version', () => {
  expect(flagsOf(PFERR['6.1'].decode(0x1_0000_0004n))).toEqual(['user', 'guestFinal']);
  expect(flagsOf(PFERR['6.1'].decode(0x1_0000_000cn))).toEqual(['user', 'reserved', 'guestFinal']);
  expect(flagsOf(PFERR['6.12'].decode(0x1_0000_000dn))).toEqual([
    'present',
    'user',
    'reserved',
    'guestFinal',
  ]);
  const old = {
    0: 'present',
    1: 'write',
    2: 'user',
    3: 'reserved',
    4: 'fetch',
    5: 'protectionKey',
    15: 'sgx',
    32: 'guestFinal',
    33: 'guestPage',
    48: 'implicitAccess',
  };
  expect(table(PFERR['6.1'].decode)).toEqual(old);
  expect(table(PFERR['6.12'].decode)).toEqual({
    ...old,
    31: 'rmp',
    34: 'guestEncrypted',
    35: 'guestSize',
    36: 'guestVmpl',
    49: 'privateAccess',
  });
  expect(PFERR['6.1'].decode(1n << 49n).otherBits).toBe(1n << 49n);
});

test('EPT violation exit qualifications', () => {
  expect(flagsOf(EPT_VIOLATION.decode(0x184n))).toEqual([
    'fetch',
    'linearAddressValid',
    'linearAddressTranslated',
  ]);
  expect(flagsOf(EPT_VIOLATION.decode(0x182n))).toEqual([
    'write',
    'linearAddressValid',
    'linearAddressTranslated',
  ]);
  expect(flagsOf(EPT_VIOLATION.decode(0x181n))).toEqual([
    'read',
    'linearAddressValid',
    'linearAddressTranslated',
  ]);
  expect(table(EPT_VIOLATION.decode)).toEqual({
    0: 'read',
    1: 'write',
    2: 'fetch',
    3: 'readable',
    4: 'writable',
    5: 'executable',
    6: 'userExecutable',
    7: 'linearAddressValid',
    8: 'linearAddressTranslated',
    9: 'userLinear',
    10: 'writableLinear',
    11: 'noExecuteLinear',
    12: 'nmiUnblocking',
    13: 'shadowStack',
    14: 'supervisorShadowStack',
    15: 'guestPagingVerification',
    16: 'asynchronous',
  });
});

test('IA32_MISC_ENABLE bit 34 is XD disable, EFER bit 11 is NXE, and bit 63 needs both', () => {
  expect(table(MISC_ENABLE.decode)).toEqual({
    0: 'fastStrings',
    3: 'thermalControl',
    7: 'performanceMonitoring',
    11: 'btsUnavailable',
    12: 'pebsUnavailable',
    16: 'speedStep',
    18: 'mwait',
    22: 'limitCpuid',
    23: 'xtprDisable',
    34: 'xdDisable',
  });
  expect(table(EFER.decode)).toEqual({
    0: 'syscall',
    8: 'longMode',
    10: 'longModeActive',
    11: 'noExecute',
    12: 'secureVirtualMachine',
    14: 'fastFxsave',
  });
  expect(noExecuteInEffect(0xd01n)).toBe(true);
  expect(noExecuteInEffect(0x501n)).toBe(false);
  expect(noExecuteInEffect(0xd01n, 1n << 34n)).toBe(false);
  expect(noExecuteInEffect(0xd01n, ~(1n << 34n) & 0xffff_ffff_ffffn)).toBe(true);
});

test('encode(decode(x)) = x, and every bit has one name', () => {
  const words = [PAGE_FAULT, PFERR['6.1'], PFERR['6.12'], EPT_VIOLATION, MISC_ENABLE, EFER, EPT_VPID_CAP];
  for (const word of words) {
    expect(isWholeLayout(word.fields)).toBe(true);
    fc.assert(
      fc.property(uint64, (raw) => {
        const value = word.decode(raw);
        return word.encode({ ...value, raw: 0n } as never) === raw && value.raw === raw;
      }),
    );
  }
});

test('a changed property changes the code', () => {
  expect(PAGE_FAULT.encode({ ...PAGE_FAULT.decode(0x5n), write: true })).toBe(0x7n);
  expect(PAGE_FAULT.encode({ ...PAGE_FAULT.decode(0x5n), rmp: true })).toBe(0x8000_0005n);
});

test('a code that is no 64-bit value is rejected', () => {
  expect(() => PAGE_FAULT.decode(-1n)).toThrow(InvalidArgumentError);
  expect(() => PFERR['6.1'].decode(1n << 64n)).toThrow(/pferr 0x10000000000000000/);
});
