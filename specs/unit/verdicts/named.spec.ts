import { expect, test } from '@playwright/test';

import { knownFaults } from '../../../lib/image/faults.js';
import { namedFunction } from '../../../scripts/verdicts/named.js';

const caughtBy = (text: string) => ({ caught: [{ title: 'a check', message: '', text }] });
const told = (fault: string, text: string): string => {
  const { name, isRight } = namedFunction(fault, caughtBy(text));
  return `${String(name)}: ${String(isRight)}`;
};
const reset =
  'page 0 became open again: e2e_change_bit+0x5d [vfio_iommu_type1] in kworker/0:1 (pid 17), vCPU 0';

test('the function of the driver that is named in the first three lines, right or wrong for the fault', () => {
  expect(told('reset-later', reset)).toBe('e2e_change_bit: true');
  expect(told('wrong-bit-w', reset)).toBe('e2e_change_bit: false');
  expect(told('wrong-bit-w', `1\n2\n3\n${reset}`)).toBe('undefined: false');
  expect(told('blink', 'by vfio_map+0x1 in vfio-map')).toBe('undefined: false');
});

test('a fault that writes no entry needs no name, and each of the others has one', async () => {
  expect(told('leak-pin', 'a page stays pinned')).toBe('undefined: undefined');
  const writing = (await knownFaults()).filter((fault) =>
    /^(reset|blink|wrong-bit|and-|swap|neigh)/.test(fault),
  );
  expect(writing.length).toBeGreaterThan(12);
  for (const fault of writing) expect(namedFunction(fault, caughtBy('')).isRight, fault).toBe(false);
});
