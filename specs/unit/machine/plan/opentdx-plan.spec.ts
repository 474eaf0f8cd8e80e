import { expect, test } from '@playwright/test';

import { UnsupportedOptionError } from '../../../../lib/machine/errors.js';
import { defaultMachineOptions } from '../../../../lib/machine/options.js';
import type { Invocation, LaunchPlan } from '../../../../lib/machine/plan/launch-plan.js';
import { opentdxPlan } from '../../../../lib/machine/plan/opentdx-plan.js';
import { portPattern } from '../../../../lib/machine/ports/index.js';

const options = { ...defaultMachineOptions, memory: '8g', vcpus: 8 };
const asItIs = { gpu: false, wrapped: false };

function told(plan: LaunchPlan): Invocation {
  return plan.invocation(plan, portPattern(10_032, 1_234));
}

test("the checkout's own script is run in its folder, with the command line that it documents", () => {
  const plan = opentdxPlan('/checkout', options, asItIs);
  expect(plan).toMatchObject({
    program: '/checkout/launch-opentdx.sh',
    workingFolder: '/checkout',
    kernel: '/checkout/linux-l1/arch/x86/boot/bzImage',
  });
  expect(told(plan).args).toEqual(['-m', '8g', '-s', '8', '-p', '10032', '-d', '1234']);
});

test('DEBUG and GPU reach the script when they are asked for, and never by themselves', () => {
  const neither = { DEBUG: undefined, GPU: undefined };
  expect(told(opentdxPlan('/checkout', options, asItIs)).environment).toStrictEqual(neither);
  const both = opentdxPlan('/checkout', { ...options, debug: true }, { gpu: true, wrapped: false });
  expect(told(both).environment).toEqual({ DEBUG: '1', GPU: '1' });
  expect(both.debug).toBe(true);
});

for (const asked of [
  { cpu: 'max' },
  { la57: true },
  { accel: 'tcg' },
  { kernelArguments: 'nokaslr' },
  { device: 'edu' },
] as const) {
  test(`what the script has no argument for is refused: ${Object.keys(asked).join()}`, () => {
    const plan = (): unknown => opentdxPlan('/checkout', { ...options, ...asked }, asItIs);
    expect(plan).toThrow(UnsupportedOptionError);
    expect(plan).toThrow(new RegExp(Object.keys(asked).join()));
  });
}

test('a wrapped QEMU takes kernel arguments and another accelerator', () => {
  const wrapped = { gpu: false, wrapped: true };
  opentdxPlan('/checkout', { ...options, kernelArguments: 'nokaslr', accel: 'tcg' }, wrapped);
  expect(() => opentdxPlan('/checkout', { ...options, cpu: 'max' }, wrapped)).toThrow(UnsupportedOptionError);
});
