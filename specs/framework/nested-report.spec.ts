import { expect, test } from '@playwright/test';

import { sharedSample } from './shared-sample.js';

const resultOf = sharedSample('nested.', 600_000);

test('a passing test of L2 shows what it saw last: a walk of both dimensions, as a picture and as values', () => {
  const { status, errors, bodies, attachments } = resultOf('QEMU: a walk of both dimensions leads to a page');
  expect(status, errors.join('\n')).toBe('passed');
  expect(attachments).toEqual(expect.arrayContaining(['walk.svg', 'walk.txt']));
  expect(bodies.get('walk.svg')).toMatch(/<svg[^]*Walk of 0x1abc in two dimensions[^]*\(npt\)/);
  const values = bodies.get('walk.txt') ?? '';
  // The guest's own four levels, and those by which the second dimension leads to the page, each with its last entry bit by bit.
  expect(values).toMatch(
    /^0x1abc in two dimensions, seen last:\nWalk of 0x1abc from the top table at 0x8000:/,
  );
  expect(
    values.match(/^ {2}(PML4|PDPT|PD|PT) +\[ *\d+\] at 0x[0-9a-f]+: +0x[0-9a-f]+ {2}P W U/gm),
  ).toHaveLength(8);
  expect(values.match(/^PT entry 0x[0-9a-f]+: 4 KiB page at 0x/gm)).toHaveLength(2);
});
