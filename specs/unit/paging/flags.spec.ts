import { expect, test } from '@playwright/test';
import {
  decodeEptEntry,
  decodeSecondLevelEntry,
  decodeX86Entry,
  decodeEptp,
} from '../../../lib/paging/index.js';

/** Which boolean property each single bit turns, starting from `base`. */
function turnedBy(decode: (raw: bigint) => object, base: bigint): Record<number, string> {
  const before = Object.entries(decode(base));
  const found: Record<number, string> = {};
  for (let position = 0; position < 64; position += 1) {
    const after = new Map(Object.entries(decode(base ^ (1n << BigInt(position)))));
    const turned = before.filter(([name, value]) => typeof value === 'boolean' && after.get(name) !== value);
    if (turned.length > 0) found[position] = turned.map(([name]) => name).join(' ');
  }
  return found;
}

test('x86: the property of each bit', () => {
  const common = {
    0: 'present',
    1: 'writable',
    2: 'user',
    3: 'writeThrough',
    4: 'cacheDisable',
    5: 'accessed',
    6: 'dirty',
    8: 'global',
    9: 'softw1',
    10: 'softw2',
    11: 'softw3',
    63: 'noExecute',
  };
  expect(turnedBy((raw) => decodeX86Entry(raw, 1), 1n)).toEqual({ ...common, 7: 'pat' });
  expect(turnedBy((raw) => decodeX86Entry(raw, 2), 0x81n)).toEqual({ ...common, 7: 'large', 12: 'pat' });
  expect(turnedBy((raw) => decodeX86Entry(raw, 4), 1n)).toEqual({ ...common, 7: 'large' });
});

test('EPT: the property of each bit', () => {
  const common = {
    0: 'read',
    1: 'write',
    2: 'execute',
    8: 'accessed',
    9: 'dirty',
    10: 'userExecute',
    63: 'suppressVe',
  };
  expect(turnedBy((raw) => decodeEptEntry(raw, 1), 7n)).toEqual({ ...common, 6: 'ignorePat' });
  expect(turnedBy((raw) => decodeEptEntry(raw, 3), 0x87n)).toEqual({ ...common, 6: 'ignorePat', 7: 'large' });
  expect(turnedBy(decodeEptp, 0x1en)).toEqual({ 6: 'accessDirty', 7: 'supervisorShadowStack' });
});

test('VT-d: the property of each bit', () => {
  expect(turnedBy((raw) => decodeSecondLevelEntry(raw, 2), 0x83n)).toEqual({
    0: 'read',
    1: 'write',
    7: 'large',
    8: 'accessed',
    9: 'dirty',
    11: 'snoop',
    62: 'transientMapping',
  });
});
