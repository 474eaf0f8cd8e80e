import { expect, test } from '@playwright/test';

import { clearPageUser } from '../../../lib/change/index.js';
import type { PteHistory } from '../../../lib/history/history.js';
import { allowances, mapCall, notChangedOnce, undone } from '../../../lib/history/judge.js';
import { closed, historyOf, mapOf, open, range } from './support/history-of.js';

const map = mapOf(range);

const said = (history: PteHistory): string[] =>
  notChangedOnce(history, clearPageUser, map).map(({ what }) => what);

const both = [
  [110, 0, closed],
  [120, 1, closed],
] as const;

test('each page once, while the map was under way: nothing to say', () => {
  expect(said(historyOf(both))).toEqual([]);
  expect(said(historyOf([...both, [300, 0, closed & ~2n]]))).toEqual([]);
});

test('a page that is given back is told with its time, whether it is taken again or not', () => {
  const blink = historyOf([...both, [612, 1, open], [612, 1, closed]]);
  expect(said(blink)).toEqual(['page 1 became open to user mode again 412 ms after the map returned']);
  expect(undone(blink, clearPageUser)).toHaveLength(1);
  const inside = historyOf([...both, [130, 0, open], [140, 0, closed]]);
  expect(said(inside)).toEqual(['page 0 became open to user mode again while the map was under way']);
});

test('bits that are none of the change’s are told, though they are as before in the end; a page fault’s are not', () => {
  const nx = 1n << 63n;
  const frame = 0x5000n;
  const told = (...writes: (readonly [number, number, bigint])[]): string[] => {
    const history = historyOf(writes);
    const all = said(history);
    expect(
      undone(history, clearPageUser).map(({ what }) => what),
      'the other checks tell it, too',
    ).toEqual(all);
    return all;
  };
  const text = "page 0 had bits changed that are none of the change's while the map was under way";
  expect(told([105, 0, open & ~nx], [108, 0, closed & ~nx], [109, 0, closed], [120, 1, closed])).toEqual([
    text,
  ]);
  expect(told(...both, [130, 0, closed & ~nx], [131, 0, closed]), 'a closed page').toEqual([text]);
  expect(told([104, 0, open & ~2n], [105, 0, open ^ frame ^ nx], ...both), 'a copy').toEqual([]);
  expect(told(...both, [300, 0, closed & ~nx]), 'a later mprotect').toEqual([]);
});

test('a page that is never taken, and one that is taken too late', () => {
  const history = historyOf([[250, 1, closed]]);
  expect(said(history)).toEqual([
    'page 1 came to be closed to user mode 50 ms after the map returned, not within the map',
    'page 0 never came to be closed to user mode',
  ]);
  expect(undone(history, clearPageUser), 'which the other checks tell').toEqual([]);
});

test('a page that was not there comes as the kernel makes it', () => {
  expect(said(historyOf([[105, 0, open], ...both], range, [0n, open]))).toEqual([]);
});

test('a page that the kernel copies while it maps it is taken out, put back, and then taken away', () => {
  expect(said(historyOf([[104, 0, 0n], [105, 0, open], ...both]))).toEqual([]);
  expect(said(historyOf([...both, [300, 0, 0n], [301, 0, open]]))).toEqual([
    'page 0 became open to user mode again 101 ms after the map returned',
  ]);
  expect(
    said(
      historyOf([
        [104, 0, 0n],
        [120, 1, closed],
      ]),
    ),
    'taken out only',
  ).toEqual(['page 0 never came to be closed to user mode']);
});

test('what happened before the last map is none of its faults', () => {
  expect(said(historyOf([[60, 0, closed], [70, 0, open], ...both]))).toEqual([]);
});

test('the map is the one of this memory and this process', () => {
  const others = [
    { ...map, vaddr: 0xf_0000n, sent: 300 },
    { ...map, pid: 8, sent: 400 },
    { ...map, op: 'unmap', sent: 500 },
  ];
  expect(mapCall(historyOf([], undefined, undefined, [map, ...others]))).toBe(map);
  expect(
    mapCall(historyOf([], undefined, undefined, [{ ...map, sent: 10 }])),
    'before the recording',
  ).toBeUndefined();
});

test('memory that was mapped before it was recorded: what was closed then, and was opened', () => {
  const before = [{ ...map, sent: 10, answered: 20 }];
  const told = (first: readonly bigint[], ...writes: [number, number, bigint][]): string[] =>
    undone(historyOf(writes, range, [...first], before), clearPageUser).map(({ what }) => what);
  expect(told([closed, closed], [70, 1, open], [71, 1, closed])).toEqual([
    'page 1 became open to user mode again 50 ms after the map returned',
  ]);
  expect(told([open, 0n], [70, 0, closed], [80, 0, open], [90, 1, open]), 'never seen closed').toEqual([]);
});

test('a right that was given for a time, between two times', () => {
  const history = historyOf([...both, [600, 1, open], [601, 1, closed]]);
  const what = (since: number, until?: number): string[] =>
    allowances(history, { user: true, since, ...(until === undefined ? {} : { until }) }).map(
      (each) => each.what,
    );
  expect(what(200)).toEqual(['page 1 became accessible in user mode 400 ms after the map returned']);
  expect(what(200, 599)).toEqual([]);
  expect(what(602)).toEqual([]);
  expect(what(100)).toHaveLength(2);
  const readOnly = historyOf([...both, [600, 1, open & ~2n]]);
  expect(allowances(readOnly, { write: true, since: 200 })).toEqual([]);
});
