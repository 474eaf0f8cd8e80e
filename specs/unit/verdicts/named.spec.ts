import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { type Fault, faults } from '../../../lib/image/faults.js';
import { referenceRecipe } from '../../../lib/image/reference-image.js';
import { named } from '../../../scripts/verdicts/named.js';

const leak: Fault = { name: 'leak', what: 'never unpins', seenIn: 'unmap', says: /open again/ };
const reset: Fault = { ...leak, writer: /^e2e_change_bit$/ };
const told = (fault: Fault, text: string) =>
  named(fault, { caught: [{ title: 'a check', message: '', text }] });
const line =
  'page 0 became open again: e2e_change_bit+0x5d [vfio_iommu_type1] in kworker/0:1 (pid 17), vCPU 0';

test('what is wrong and the function that did it are told in the first three lines, or not', () => {
  expect(told(reset, line)).toEqual({ isSaid: true, writer: 'e2e_change_bit', isWriterRight: true });
  expect(told({ ...reset, writer: /^another$/ }, line)).toMatchObject({ isWriterRight: false });
  expect(told(reset, `1\n2\n3\n${line}`)).toEqual({ isSaid: false, writer: undefined, isWriterRight: false });
  expect(told(reset, 'by vfio_map+0x1 in vfio-map')).toMatchObject({
    writer: undefined,
    isWriterRight: false,
  });
});

test('a fault that writes no entry needs no function', () => {
  expect(told(leak, 'open again')).toEqual({ isSaid: true, writer: undefined, isWriterRight: undefined });
});

test('the faults are those of the driver, in its order', async () => {
  const header = await readFile(path.join(referenceRecipe, 'faults/vfio_e2e_fault.h'), 'utf8');
  const names = [...header.matchAll(/^\tFAULT\(\w+, "([a-z-]+)"\)/gm)].map(([, name]) => name);
  expect(['none', ...faults.map(({ name }) => name)]).toEqual(names);
});

test('each is looked for in a spec that there is', async () => {
  for (const { seenIn } of faults)
    await readFile(path.join(import.meta.dirname, `../../vfio/${seenIn}.spec.ts`), 'utf8');
});
