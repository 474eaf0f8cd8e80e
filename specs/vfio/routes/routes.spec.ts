import { expect, test } from '../../../fixtures/index.js';
import { needsOf, probeRoute, routes } from '../../support/routes/route.js';
import { expectedRoutes } from './expectations.js';

// What is true of this kernel, route by route. Which routes it leaves open is data: see expectations/.
for (const route of routes) {
  test(
    `route ${route.name}: ${route.title}`,
    { tag: needsOf(route) },
    async ({ vfio, guest, stack, recordPtes }) => {
      const release = (await guest.succeed(['uname', '-r'])).trim();
      const { verdict, detail, opener } = await probeRoute(await vfio.process(), route, recordPtes);
      const expected = expectedRoutes(stack.name, release)[route.name];
      test
        .info()
        .annotations.push({ type: 'route', description: `${verdict}: ${detail}${opener && ` (${opener})`}` });
      if (expected === undefined) {
        const description = `nothing is recorded of ${stack.name} with Linux ${release}: add it to specs/vfio/routes/expectations/`;
        test.info().annotations.push({ type: 'no expectation', description });
        return;
      }
      expect(verdict, `${route.title}: ${detail}`).toBe(expected);
    },
  );
}
