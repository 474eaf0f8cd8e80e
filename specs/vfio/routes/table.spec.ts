import { expect, test } from '../../../fixtures/index.js';
import { needsOf, probeRoute, type RouteResult, routes, uncoveredPaths } from '../../support/routes/route.js';
import { tablePicture } from '../../../lib/picture/index.js';
import { allExpectations, expectedRoutes } from './expectations.js';

/** Some fifty mappings, a few of which wait for a write that never completes. */
const budgetMs = 240_000;

test('routes by which user mode reaches a mapped page', async ({ vfio, guest, stack, recordPtes }) => {
  test.setTimeout(budgetMs);
  const release = (await guest.succeed(['uname', '-r'])).trim();
  const expected = expectedRoutes(stack.name, release);
  const process = await vfio.process();
  const results: RouteResult[] = [];
  for (const route of routes) {
    if (!needsOf(route).some((need) => stack.lacks?.has(need)))
      results.push(await probeRoute(process, route, recordPtes));
  }

  const { text: uncovered } = await uncoveredPaths(process);
  test.info().annotations.push({ type: 'DMA paths beside type1', description: uncovered });
  await attachTable(`${stack.name}, Linux ${release}`, results, expected, uncovered);
  const changed = results.filter(
    ({ route, verdict }) => expected[route.name] !== undefined && expected[route.name] !== verdict,
  );
  expect(changed.map(({ route, verdict, detail }) => `${route.name} is ${verdict} now: ${detail}`)).toEqual(
    [],
  );
});

async function attachTable(
  kernel: string,
  results: readonly RouteResult[],
  expected: Readonly<Record<string, string>>,
  uncovered: string,
): Promise<void> {
  const open = results.filter(({ verdict }) => verdict === 'open').length;
  const title = 'Routes by which user mode reaches a mapped page';
  const subtitle = `${kernel}: ${open} open, ${results.length - open} closed`;
  const rows = results.map(({ route, verdict, detail, opener }) => {
    const known = expected[route.name];
    const change = known === undefined ? 'not recorded' : known === verdict ? '' : `was ${known}`;
    return { route, verdict, detail, opener, change };
  });
  const body = tablePicture({
    title,
    subtitle,
    columns: [
      { title: 'route', width: 270 },
      { title: '', width: 70 },
      { title: 'what was seen, and who gave the entry back', width: 360 },
      { title: 'changed', width: 90 },
    ],
    rows: rows.map(({ route, verdict, detail, opener, change }) => [
      { text: route.title },
      { text: verdict, tone: verdict === 'open' ? 'bad' : 'good' },
      { text: opener === '' ? detail : `${detail}: ${opener}` },
      { text: change, ...(change === '' ? {} : { tone: 'warn' as const }) },
    ]),
    notes: [`DMA paths beside vfio_iommu_type1: ${uncovered}.`],
  });
  await test.info().attach('routes.svg', { body, contentType: 'image/svg+xml' });

  const lines = rows.map(
    ({ route, verdict, detail, opener, change }) =>
      `| ${route.name} | ${route.title} | **${verdict}** | ${detail} | ${opener} | ${change} |`,
  );
  const markdown = [
    `# ${title}`,
    `${subtitle}.`,
    `DMA paths beside vfio_iommu_type1: ${uncovered}.`,
    [
      '| name | route | verdict | seen | who gave the entry back | changed |',
      '| --- | --- | --- | --- | --- | --- |',
      ...lines,
    ].join('\n'),
  ].join('\n\n');
  await test.info().attach('routes.md', { body: `${markdown}\n`, contentType: 'text/plain' });
}

test('every recorded expectation names a route that there is', () => {
  const names = new Set(routes.map(({ name }) => name));
  expect(names.size).toBe(routes.length);
  for (const { routes: recorded } of allExpectations) {
    expect(Object.keys(recorded).filter((name) => !names.has(name))).toEqual([]);
    expect(Object.values(recorded).filter((value) => !['open', 'closed'].includes(value))).toEqual([]);
  }
});

test('a kernel with iommufd is reported as one whose DMA is not all covered', async ({ vfio, guest }) => {
  const process = await vfio.process();
  expect(await uncoveredPaths(process)).toMatchObject({
    iommufd: false,
    text: expect.stringMatching(/^none/),
  });
  // What a kernel that has it shows to programs: the node, with the number that is kept for it (include/linux/miscdevice.h).
  await guest.succeed(['mknod', '/dev/iommu', 'c', '10', '258']);
  expect(await uncoveredPaths(process)).toMatchObject({
    iommufd: true,
    text: expect.stringMatching(/^not covered: .*iommufd/),
  });
});
