import { expect, test } from '@playwright/test';
import { sourceOf } from '../../../lib/guest/iommu/index.js';

test('a PCI address in its parts', () => {
  expect(sourceOf('0000:00:05.0')).toEqual({ bus: 0, device: 5, function: 0 });
  expect(sourceOf('0001:fe:1f.7')).toEqual({ bus: 0xfe, device: 0x1f, function: 7 });
});

for (const address of ['', '00:05.0', '0000:00:20.0', '0000:00:05.8', '0000:00:05.0 ', '0000:0g:05.0']) {
  test(`'${address}' is none`, () => {
    expect(() => sourceOf(address)).toThrow(/is no PCI address/);
  });
}
