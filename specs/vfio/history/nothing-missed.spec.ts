import { expect, test } from '../../../fixtures/index.js';
import type { PteHistory } from '../../../lib/history/history.js';
import type { Machine } from '../../../lib/machine/machine.js';
import { changeText, writerText } from '../../../lib/history/tell.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY } from '../../../lib/paging/index.js';
import { randomFrom } from '../../support/fuzz/random.js';
import { pages, rounds, shuffle } from '../../support/shuffle.js';

/** Stops the machine for nothing, over and over. @returns how often */
async function lookUntil(isOver: AbortSignal, machine: Machine): Promise<number> {
  let count = 0;
  for (; !isOver.aborted; count += 1) {
    await machine.paused(() => Promise.resolve());
    // The guest is to get on, on a busy host too.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return count;
}

/** What a page's walk came to at last, by the history alone. */
function replayed({ first, raw }: PteHistory, page: number): bigint | undefined {
  return (raw.findLast((write) => write.page === page)?.after ?? first[page])?.raw;
}

test('two processes at once, in two vCPUs: no write is missed, each has its writer, and all of them together give what is there', async ({
  machine,
  vfio,
  recordPtes,
}) => {
  test.setTimeout(180_000);
  const seed = Date.now() % 0x7fff_ffff;
  test.info().annotations.push({ type: 'seed', description: String(seed) });
  const processes = [await vfio.process(), await vfio.newProcess()];
  const recorded = await Promise.all(
    processes.map(async (process) => {
      const buffer = await process.alloc({ pages });
      return { process, buffer, history: await recordPtes({ process, buffer }) };
    }),
  );
  // Looks stop the VM meanwhile, now and then at the very write.
  const isOver = new AbortController();
  const looks = lookUntil(isOver.signal, machine);
  await Promise.all(
    recorded.map(({ process, buffer }, index) => shuffle(process, buffer, randomFrom(seed + index))),
  );
  isOver.abort();
  expect(await looks).toBeGreaterThan(rounds);
  for (const { process, buffer, history } of recorded) {
    await history.sync();
    const entries = [...(await process.entries(buffer.address, pages))];
    const ofMmu = _PAGE_ACCESSED | _PAGE_DIRTY;
    for (const [page, { raw }] of entries.entries())
      expect((replayed(history, page) ?? 0n) & ~ofMmu, `page ${page}`).toBe((raw ?? 0n) & ~ofMmu);
    expect(history.raw.length).toBeGreaterThan(rounds);
    const strangers = (await history.writes()).filter(({ writer }) => writer?.task?.pid !== process.pid);
    expect(
      strangers.map((write) => `page ${write.page}: ${changeText(write)} by ${writerText(write.writer)}`),
    ).toEqual([]);
  }
});
