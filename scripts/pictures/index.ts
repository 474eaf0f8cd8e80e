/** Runs a spec that fails, and takes a picture of its report: see pictures.sh, which calls this in a neutral place. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { launchBrowser, openTest } from '../../specs/framework/support/report-page.js';

const [target] = process.argv.slice(2);
if (target === undefined) throw new TypeError('pictures/index.ts FOLDER');

const title = 'a DMA mapping takes its pages away from user mode';
const spec = `import { expect, test } from '../../fixtures/index.js';
import { loadVfioDriver } from '../support/vfio-driver.js';

test('${title}', async ({ guest, vfio }) => {
  await loadVfioDriver(guest, 'stock');
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toHaveUserBitCleared();
});
`;
await writeFile('specs/vfio/my-change.spec.ts', spec);
const args = ['test', '--project=reference', 'specs/vfio/my-change.spec.ts'];
const env = { ...process.env, PLAYWRIGHT_HTML_OPEN: 'never', E2E_ACCEL: 'tcg' };
const { status } = spawnSync('node_modules/.bin/playwright', args, { stdio: 'inherit', env });
if (status !== 1) throw new TypeError(`the spec that is to fail ended with ${String(status)}`);

const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await openTest(page, path.resolve('playwright-report'), title);
  await page.screenshot({ path: path.join(target, 'report-failure.png') });
} finally {
  await browser.close();
}
