import { expect } from '../../fixtures/index.js';
import { test } from '../../fixtures/td.js';

// Never run on the developers' machines: no host of theirs has open_tdx. See docs/checkout.md.
test.describe('a TD', { tag: '@tdx' }, () => {
  test.describe.configure({ timeout: 900_000 });

  test('L1 reports the TDX module', async ({ tdxL1 }) => {
    expect(await tdxL1.succeed(['cat', '/sys/module/kvm_intel/parameters/tdx'])).toMatch(/^[Y1]/);
    expect(await tdxL1.succeed(['dmesg'])).toMatch(/tdx: .*(module|initialized|BIOS enabled)/i);
  });

  test('launch-td.sh boots L2, which knows that it is a TD and answers ssh', async ({ td }) => {
    expect((await td.succeed(['id', '-un'])).trim()).toBe('root');
    expect(await td.succeed(['dmesg'])).toContain('tdx: Guest detected');
  });
});
