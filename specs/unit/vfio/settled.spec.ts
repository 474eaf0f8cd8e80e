import { expect, test } from '@playwright/test';

import { settled } from '../../../lib/guest/vfio/settled.js';
import { type PageRun, walkRangeSync, x86Space } from '../../../lib/paging/index.js';
import { TableBuilder } from '../paging/support/table-builder.js';

const leaf = 0x8000_0000_0555_5067n;

/** Two pages with these entries. */
function runOf(...entries: [bigint, bigint]): PageRun {
  const builder = new TableBuilder();
  for (const [page, entry] of entries.entries()) builder.map(BigInt(page + 1) * 4096n, entry);
  return walkRangeSync(builder.memory, x86Space({ cr3: builder.root }), 4096n, 2);
}

/** What is seen in the end, and how often was looked. */
async function seenOf(before: PageRun, ...runs: PageRun[]) {
  let looks = 0;
  const look = (): Promise<PageRun> => {
    looks += 1;
    return Promise.resolve(runs[Math.min(looks, runs.length) - 1] ?? before);
  };
  const seen = await settled(before, look, (run) => run);
  return { seen, looks };
}

const [whole, emptied] = [runOf(leaf, leaf), runOf(leaf, 0n)];

test('an entry that is empty for a moment is looked at again', async () => {
  expect(await seenOf(whole, emptied, emptied, whole)).toEqual({ seen: whole, looks: 3 });
});

test('what was not there, or is there, is looked at once', async () => {
  expect(await seenOf(emptied, emptied)).toEqual({ seen: emptied, looks: 1 });
  expect(await seenOf(whole, runOf(leaf, 0x1234_0000n))).toMatchObject({ looks: 1 });
});

test('what stays empty is gone', async () => {
  expect((await seenOf(whole, emptied)).seen).toBe(emptied);
});
