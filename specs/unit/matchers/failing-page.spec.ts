import { test } from '@playwright/test';

import { subjectsOf } from '../../../fixtures/evidence/subjects.js';
import { expect } from '../../../fixtures/matchers/index.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import { hex, walkRangeSync, walkSync, x86Space } from '../../../lib/paging/index.js';
import { pages, World } from './support/world.js';

const user = 4n;
const everyPage = Array.from({ length: pages }, (_, page) => page);
const stated = { set: (1n << 63n) | 3n, cleared: user };
const statedBits = [0n, 1n, 2n, 63n].map((bit) => 1n << bit);

/** What is asserted of a world's mappings, and fails when a page of `mapping` is open to user mode. */
interface Check {
  readonly name: string;
  readonly assertion: (world: World, mapping: DmaMapping, isNot: boolean) => Promise<void>;
}

const negated = <T extends { readonly not: unknown }>(assertions: T, isNot: boolean): T =>
  (isNot ? assertions.not : assertions) as T;

const checks: readonly Check[] = [
  {
    name: 'toHaveUserBitCleared',
    assertion: (_, mapping, isNot) => negated(expect(mapping), isNot).toHaveUserBitCleared(),
  },
  {
    name: 'toHavePteBits',
    assertion: (_, mapping, isNot) => negated(expect(mapping), isNot).toHavePteBits(stated),
  },
  {
    name: 'toBeTakenFromUserMode',
    assertion: ({ kernelLog }, mapping, isNot) =>
      negated(expect(mapping), isNot).toBeTakenFromUserMode(kernelLog),
  },
  {
    name: 'toStayTakenFromUserMode',
    assertion: (_, mapping, isNot) => negated(expect(mapping), isNot).toStayTakenFromUserMode('it rained'),
  },
  {
    name: 'toReportClearing',
    assertion: ({ kernelLog, first, second }, _, isNot) =>
      negated(expect(kernelLog), isNot).toReportClearing(first, second),
  },
  {
    name: 'toLeaveNoStaleTranslation',
    assertion: (_, mapping, isNot) => {
      const own = { cpu: 0, before: touched(pages), after: touched(1) };
      return negated(expect({ mapping, own, other: undefined }), isNot).toLeaveNoStaleTranslation();
    },
  },
];

function touched(done: number) {
  return { done, fault: pages - done, stalled: 0, firstFault: undefined };
}

for (const { name, assertion } of checks) {
  for (const which of ['first', 'second'] as const) {
    test(`${name} shows the page that failed, of the ${which} mapping, as one stop of the VM showed it`, async ({}, testInfo) => {
      for (const page of everyPage) {
        const world = new World();
        const mapping = world[which];
        world.change(mapping, page, (raw) => raw | user);
        const message = await messageOf(assertion(world, mapping, false));
        const title = `page ${page} of ${mapping.toString()}`;
        expect(message).toContain(title);
        expect(message).toContain(`Walk of ${hex(mapping.pageAddress(page))} `);
        expect(world.pauses).toBe(1);
        const [subject] = subjectsOf(testInfo);
        expect(subject?.title).toBe(title);
        // The walk is kept as it was then, and not done again for the report.
        expect(subject?.walk).toMatchObject({ address: mapping.pageAddress(page), mapped: true });
      }
    });
  }

  // Of pages that were reached this one says nothing but that.
  if (name === 'toLeaveNoStaleTranslation') continue;
  test(`${name} holds of an absent page as little as its negation`, async () => {
    for (const gone of [() => 0n, (raw: bigint) => raw & ~1n]) {
      for (const page of everyPage) {
        const world = new World();
        world.change(world.first, page, gone);
        for (const isNot of [false, true]) {
          const message = await messageOf(assertion(world, world.first, isNot));
          expect(message).toMatch(
            new RegExp(`1 of 4 are not mapped at all \\(pages ${page}\\): not-present`),
          );
          expect(message).toContain(`Walk of ${hex(world.first.pageAddress(page))} `);
        }
      }
    }
  });
}

test('a stated bit that is flipped, on any page, of any subject, is red', async () => {
  for (const bit of statedBits) {
    for (const page of everyPage) {
      const world = new World();
      const { first } = world;
      world.change(first, page, (raw) => raw ^ bit);
      const space = x86Space({ cr3: world.builder.root });
      const { memory } = world.builder;
      const isAbsent = bit === 1n;
      for (const subject of [
        first,
        walkRangeSync(memory, space, first.address, pages),
        walkSync(memory, space, first.pageAddress(page)),
      ]) {
        await messageOf(expect(subject).toHavePteBits(stated));
        if (isAbsent) await messageOf(expect(subject).not.toHavePteBits(stated));
        else await expect(subject).not.toHavePteBits(stated);
      }
    }
  }
});

test('a page beside the mapping that was changed is the one that is shown', async ({}, testInfo) => {
  const world = new World();
  const { second, kernelLog } = world;
  // A page that was not there before the mapping, and that user mode cannot reach.
  world.builder.map(second.address + second.size, 0x8000_0000_1ead_0063n);
  world.madeSo(second);
  const message = await messageOf(expect(second).toBeTakenFromUserMode(kernelLog));
  const address = hex(second.address + second.size);
  expect(message).toContain(`${address}, outside of ${second.toString()}`);
  expect(message).toContain(`Walk of ${address} `);
  expect(subjectsOf(testInfo)[0]?.walk).toMatchObject({ address: second.address + second.size });
});

test('a check that passes, or a page that is touched, is the subject of a failure that comes later', async ({}, testInfo) => {
  const { first, second } = new World();
  await expect(first).toHaveUserBitCleared();
  expect(subjectsOf(testInfo).map(({ title }) => title)).toEqual([`page 0 of ${first.toString()}`]);
  await expect(second).toHaveUserBitCleared();
  expect(subjectsOf(testInfo).map(({ title }) => title)).toEqual([`page 0 of ${second.toString()}`]);
});

/** The message with which an assertion fails. */
async function messageOf(assertion: Promise<void>): Promise<string> {
  try {
    await assertion;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the assertion holds');
}
