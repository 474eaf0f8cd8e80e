import { expect, test } from '@playwright/test';

import { usualState } from '../../../../lib/machine/boot-story/usual-state.js';

const user = { halted: false, cpl: 3, rip: 0x401000n };
const interrupt = { halted: false, cpl: 0, rip: 0xffff_ffff_8100_0000n };
const idle = { halted: true, cpl: 0, rip: 0xffff_ffff_8200_0000n };

test('a vCPU is told of as it mostly is, and where it was last seen so', () => {
  const later = { ...user, rip: 0x402000n };
  const looks = [
    [interrupt, idle],
    [user, idle],
    [later, interrupt],
    [interrupt, idle],
    [later, idle],
  ];
  expect(usualState(looks)).toEqual([later, idle]);
});

test('one look is all there is; a machine without vCPUs has none', () => {
  expect(usualState([[interrupt]])).toEqual([interrupt]);
  expect(usualState([])).toEqual([]);
});
