import { expect, test } from '@playwright/test';

import { changeText } from '../../../lib/history/tell.js';

const said = (before: bigint, after: bigint): string =>
  /\((.*)\)/.exec(
    changeText({ before: { level: 1, raw: before, at: 0n }, after: { level: 1, raw: after, at: 0n } }),
  )?.[1] ?? '';

test('a change is told bit by bit, software bits among them; a frame only where a page has another one', () => {
  expect(said(0x8000_0000_0000_5067n, 0x8000_0000_0000_5063n)).toBe('_PAGE_USER cleared');
  // fork() on 6.12: _PAGE_SAVED_DIRTY is bit 58.
  expect(said(0x8000_0000_3ff4_4067n, 0x8400_0000_3ff4_4025n)).toBe(
    '_PAGE_RW cleared, _PAGE_DIRTY cleared, bit 58 set',
  );
  expect(said(0x8000_0000_0000_5067n, 0x8000_0000_0000_6067n)).toBe('another frame');
  expect(said(0x5067n, 0n)).not.toContain('another frame');
});
