import { loadavg } from 'node:os';

import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { generatedRun } from './generated-run.js';
import { median, rounded } from './statistics.js';

/** Its symbols and types are read once, by the worker's first recording. */
const warmUp = 2;
/** Each writes every entry twice: taken out, and put back otherwise. */
const protects = 4;
const pages = 32;

/**
 * Every second test records: an ordinary one of 4 pages, by itself; then the same mprotects of other memory, which show what a write costs. They are
 * taken off the time of the test as a whole, its fixtures included.
 */
const body = `
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  const begin = performance.now();
  const { process } = mapping;
  const buffer = await process.alloc({ pages: ${pages} });
  const history = index % 2 === 1 ? await recordPtes({ process, buffer }) : undefined;
  const start = performance.now();
  for (let round = 0; round < ${protects}; round += 1)
    await process.request('mprotect', { ...buffer, protection: round % 2 === 0 ? 'r' : 'rw' });
  const [now, writes] = [performance.now(), history?.raw.length ?? 0];
  const figures = { extra: now - begin, protects: now - start, writes };
  test.info().annotations.push({ type: 'figures', description: JSON.stringify(figures) });`;

interface Figures {
  /** What is no ordinary test's, ms. */
  readonly extra: number;
  /** ms */
  readonly protects: number;
  readonly writes: number;
}

/** What recording costs: `tests` tests with it and as many without, alternately, in one worker. */
export async function history(tests: number): Promise<object> {
  await using folder = await createRunFolder({ prefix: 'bench' });
  const { report, results } = await generatedRun({
    ...{ folder: folder.path, tests: 2 * (tests + warmUp), workers: 1 },
    ...{ fixtures: 'vfio, recordPtes, kernelLog', body },
    use: "{ recordMappings: index % 2 === 1 ? 'auto' : false }",
  });
  const figures = results
    .toSorted((a, b) => Date.parse(a.startTime) - Date.parse(b.startTime))
    .slice(2 * warmUp)
    .map(({ duration, annotations }) => ({
      duration,
      ...(JSON.parse(annotations.find(({ type }) => type === 'figures')?.description ?? '{}') as Figures),
    }));
  const recorded = figures.filter(({ writes }) => writes > 0);
  const plain = figures.filter(({ writes }) => writes === 0);
  const [withMs, withoutMs] = [recorded, plain].map((some) =>
    median(some.map(({ duration, extra }) => duration - extra)),
  );
  const writes = median(recorded.map((each) => each.writes));
  const [slow, fast] = [recorded, plain].map((some) => median(some.map((each) => each.protects)));
  return {
    metric: 'history',
    tests,
    passed: report.stats.expected,
    withoutMs: rounded(withoutMs ?? NaN),
    withMs: rounded(withMs ?? NaN),
    moreMs: rounded((withMs ?? NaN) - (withoutMs ?? NaN)),
    ratio: rounded((withMs ?? NaN) / (withoutMs ?? NaN)),
    writes,
    perWriteMs: rounded(((slow ?? NaN) - (fast ?? NaN)) / writes),
    load: rounded(loadavg()[0] ?? 0),
  };
}
