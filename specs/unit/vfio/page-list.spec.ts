import { expect, test } from '@playwright/test';

import { pageList, whichPages } from '../../../lib/guest/vfio/page-list.js';

test('joins runs and cuts a long list', () => {
  expect(pageList([0, 1, 2, 3, 7, 9, 10])).toBe('0-3, 7, 9-10');
  expect(pageList([0, 2, 4, 6], 2)).toBe('0, 2 … (4 in all)');
  expect(pageList([])).toBe('');
});

const cases: readonly [pages: number[], total: number, words: string][] = [
  [[0], 1, 'its one page'],
  [[0, 1, 2, 3], 4, 'all 4 pages'],
  [[0], 4, 'the first of 4 pages'],
  [[3], 4, 'the last of 4 pages'],
  [[1, 2, 3], 4, 'all but the first of 4 pages'],
  [[0, 1, 2], 4, 'all but the last of 4 pages'],
  [[0, 2], 4, 'every even-numbered page of 4 (0, 2)'],
  [[1, 3, 5], 7, 'every odd-numbered page of 7 (1, 3, 5)'],
  [[0, 2, 4, 6], 7, 'every even-numbered page of 7 (0, 2, 4, 6)'],
  [[1, 3], 8, '2 of 8 pages (1, 3)'],
  [[2, 3], 8, '2 of 8 pages (2-3)'],
];

for (const [pages, total, words] of cases) {
  test(`names pages ${pages.join(', ')} of ${total}: ${words}`, () => {
    expect(whichPages(pages, total)).toBe(words);
  });
}
