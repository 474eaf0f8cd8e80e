import { expect, test } from '../../fixtures/index.js';
import { subjectsOf } from '../../fixtures/evidence/subjects.js';
import { UsageError } from '../../lib/errors.js';
import { injectFault } from '../../lib/guest/vfio/fault.js';
import type { DmaMapping } from '../../lib/guest/vfio/mapping.js';
import { hex } from '../../lib/paging/index.js';

// The monitor's stops are counted; while mappings are recorded, the gdb stub stops the VM.
test.use({ recordMappings: false });

test('of two mappings, the page that failed is shown, from the one stop of the VM', async ({
  vfio,
  guest,
  machine,
  kernelLog,
}, testInfo) => {
  await machine.guard(injectFault(guest, 'all-but-last'));
  const first = await vfio.mapDma({ pages: 4 });
  const second = await vfio.mapDma({ pages: 2 });
  const stops = (): number => machine.transcript.entries.filter(({ command }) => command === 'stop').length;
  const checks: readonly (() => Promise<void>)[] = [
    () => expect(first).toHaveUserBitCleared(),
    () => expect(first).toBeTakenFromUserMode(kernelLog),
    () => expect(first).toStayTakenFromUserMode('nothing happened'),
    () => expect(kernelLog).toReportClearing(first, second),
  ];
  for (const check of checks) {
    const before = stops();
    const message = await messageOf(check());
    expect(stops() - before).toBe(1);
    expect(message).toContain(`Walk of ${hex(first.pageAddress(3))} `);
    expect(message).toContain('<- _PAGE_USER (bit 2) is set');
    const [subject] = subjectsOf(testInfo);
    expect(subject).toMatchObject({
      title: `page 3 of ${first.toString()}`,
      walk: { address: first.pageAddress(3), mapped: true },
    });
  }
  expect(await messageOf(expect(second).toHaveUserBitCleared())).toContain(
    `Walk of ${hex(second.pageAddress(1))} `,
  );
  // What the test did last is what a failure that has no walk of its own is about.
  await first.tryTouch(2);
  expect(subjectsOf(testInfo)[0]?.title).toBe(`page 2 of ${first.toString()}, used last`);
});

test('a slip with a mapping is told before the guest is asked', async ({ vfio }) => {
  const slips: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
    [() => vfio.mapDma({ pages: 4, protecton: 'r' } as { pages: number }), /did you mean 'protection'/],
    [() => vfio.mapDma({ pages: 0 }), /from 1 to \d+, not 0/],
    [() => vfio.mapDma({ pages: 1.5 }), /whole number of pages/],
    [() => vfio.mapDma(undefined as unknown as { pages: number }), /options must be an object/],
    [
      async () => (await vfio.mapDma({ pages: 4 })).touch(4),
      /page must be a whole number from 0 to 3, not 4/,
    ],
    [
      () => expect(vfio.mapDma({ pages: 4 }) as unknown as DmaMapping).toHaveUserBitCleared(),
      /await it first/,
    ],
  ];
  for (const [slip, words] of slips) {
    const error = await slip().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(words);
  }
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
