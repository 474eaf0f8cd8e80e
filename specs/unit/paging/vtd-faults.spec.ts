import { expect, test } from '@playwright/test';

import { walkIommuSync } from '../../../lib/paging/index.js';
import { TestMemory } from './support/test-memory.js';

/** Tables of three levels for iova 0x1000 of 00:02.0, with entries replaced. */
function walkWith(changes: Readonly<Record<number, bigint>>, iova = 0x1000n, maxPhysicalAddress = 46) {
  const entries: Record<number, bigint> = {
    ...{ 0x1000: 0x2001n, 0x1008: 0n, 0x2100: 0x3001n, 0x2108: 0x101n },
    ...{ 0x3000: 0x4003n, 0x4000: 0x5003n, 0x5008: 0x7003n },
    ...changes,
  };
  const memory = new TestMemory();
  for (const page of [0x1000n, 0x2000n, 0x3000n, 0x4000n, 0x5000n]) memory.addPage(page);
  for (const [at, value] of Object.entries(entries)) memory.write64(BigInt(at), value);
  const source = { bus: 0, device: 2, function: 0 };
  return walkIommuSync(memory, { rtaddr: 0x1000n, source, maxPhysicalAddress }, iova);
}

const at = (changes: Readonly<Record<number, bigint>>, iova?: bigint): unknown => {
  const { fault } = walkWith(changes, iova);
  return [fault?.reason, fault?.code];
};

test('each rule that an entry breaks has its fault reason', () => {
  expect(walkWith({})).toMatchObject({ physicalAddress: 0x7000n, fault: undefined });
  expect(at({ 0x1000: 0x2000n })).toEqual(['root-not-present', 1]);
  expect(at({ 0x2100: 0x3000n })).toEqual(['context-not-present', 2]);
  expect(at({ 0x2100: 0x300dn })).toEqual(['translation-type', 3]);
  for (const width of [0n, 4n, 7n]) expect(at({ 0x2108: 0x100n | width })).toEqual(['address-width', 3]);
  expect(at({}, 1n << 39n)).toEqual(['address-too-wide', 4]);
  for (const bit of [1n, 11n, 46n, 63n])
    expect(at({ 0x1000: 0x2001n | (1n << bit) })).toEqual(['reserved-bits', 10]);
  expect(at({ 0x1008: 1n })).toEqual(['reserved-bits', 10]);
  for (const bit of [4n, 11n, 46n, 63n])
    expect(at({ 0x2100: 0x3001n | (1n << bit) })).toEqual(['reserved-bits', 11]);
  for (const bit of [7n, 24n, 63n])
    expect(at({ 0x2108: 0x101n | (1n << bit) })).toEqual(['reserved-bits', 11]);
  for (const bit of [3n, 6n]) expect(at({ 0x2108: 0x101n | (1n << bit) })).toEqual([undefined, undefined]);
  for (const bit of [11n, 46n, 62n])
    expect(at({ 0x3000: 0x4003n | (1n << bit) })).toEqual(['second-level', 12]);
  expect(at({ 0x5008: 0n })).toEqual(['second-level', 6]);
});

test('pass-through has an address width as well', () => {
  const pass = { 0x2100: 0x9n };
  expect(walkWith(pass, 0x1234n).physicalAddress).toBe(0x1234n);
  expect(at(pass, 1n << 39n)).toEqual(['address-too-wide', 4]);
  expect(at({ ...pass, 0x2108: 0x102n }, 1n << 39n)).toEqual([undefined, undefined]);
  expect(at({ ...pass, 0x2108: 0x100n })).toEqual(['address-width', 3]);
});
