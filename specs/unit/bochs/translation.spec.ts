import { expect, test } from '@playwright/test';

import { DebuggerError } from '../../../lib/bochs/index.js';
import { parseTranslation } from '../../../lib/bochs/translation.js';

test('a page that is there', () => {
  const reply = [
    'EPT  PTE: 0x06000000019c1b77    E W R IGNORE_PAT WB',
    ' PTE: 0x0000000000200067       g pat D A pcd pwt U W P',
    'linear page 0x00007f0000000000 maps to physical page 0x0000019d3000',
    '',
  ].join('\n');
  expect(parseTranslation(reply, 0x7f00_0000_0123n)).toBe(0x19d_3123n);
  expect(() => parseTranslation(reply, 0x7f00_0000_1000n)).toThrow(DebuggerError);
});

test('a page that is not there, and a reply that is none', () => {
  const reply =
    'EPT  PTE: 0x000000f8c00b0026    E W r ignore_pat WT\nphysical address not available for linear 0x00000000c00b0000\n';
  expect(parseTranslation(reply, 0xc00b_0010n)).toBeUndefined();
  expect(() => parseTranslation('', 0xc00b_0010n)).toThrow(/translates to: ""/);
});
