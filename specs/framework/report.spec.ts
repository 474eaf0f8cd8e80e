import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { Browser } from '@playwright/test';

import { expect, test as base } from '../../fixtures/index.js';
import { launchBrowser, openTest } from './support/report-page.js';
import { runSamples, type SampleRun } from './support/run-samples.js';

interface ReportFixtures {
  run: SampleRun;
  browser: Browser;
}

const test = base.extend<object, ReportFixtures>({
  run: [
    async ({}, use) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'report-'));
      const run = await runSamples(folder, ['--grep', 'passes|stock driver|markup|boot|length']);
      await use(run);
      await rm(folder, { recursive: true });
    },
    { scope: 'worker', timeout: 300_000, title: 'report of the sample specs' },
  ],
  browser: [
    async ({}, use) => {
      const browser = await launchBrowser();
      await use(browser);
      await browser.close();
    },
    { scope: 'worker', title: 'Chromium' },
  ],
});

test.describe.configure({ mode: 'serial', timeout: 120_000 });

test('in the terminal a failed test is its message, in at most 25 lines', ({ run }) => {
  const [list = ''] = run.output.split(/^ {2}\d+ failed$/m);
  const [, ...failures] = list.split(/^ {2}\d\) /m).map((text) => text.trim());
  const said = (title: string): string =>
    failures.find((text) => text.split('\n', 1)[0]?.includes(title)) ?? '';
  expect(said('stock driver')).toContain('_PAGE_USER (bit 2) is set');
  expect(said('fails to boot')).toMatch(
    /did not become ready: guest panicked: VFS[^]* lines more: in the report[^]*\| \[/,
  );
  expect(said('fails at length')).toMatch(/^.*\n\s+─* ?Retry #1[^]*polygon/);
  expect(failures).toHaveLength(4);
  for (const text of failures) expect(text.split('\n').length, text).toBeLessThanOrEqual(25);
  expect(run.output).not.toContain('attachment #');
  const names = run.attachments('fails with the stock driver');
  expect(names).toContain('dmesg.txt');
  expect(names.filter((name) => name.startsWith('_'))).toEqual([]);
});

test('the first page says verdict, stack, accelerator and kernel', async ({ run, browser }) => {
  const page = await browser.newPage();
  await page.goto(pathToFileURL(path.join(run.movedReport, 'index.html')).href);
  await expect(
    page.getByText(/^Bad \(exit code 1\): .* · reference, (TCG|KVM), Linux \d+\.\d+/),
  ).toBeVisible();
  await page.screenshot({ path: test.info().outputPath('first-page.png') });
});

test('the picture of a failure is seen at once, beside an error whose lines are whole; of a pass, too', async ({
  run,
  browser,
}) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  for (const title of ['fails with the stock driver', 'passes']) {
    await openTest(page, run.movedReport, title);
    const [picture] = await page.locator('img').all();
    const { y = 0, height = 800 } = (await picture?.boundingBox()) ?? {};
    await page.screenshot({ path: test.info().outputPath(`${title}.png`) });
    expect(y + height, title).toBeLessThanOrEqual(800);
  }
  await page.goto(pathToFileURL(path.join(run.movedReport, 'index.html')).href);
  await page.getByText('fails at length').first().click();
  await expect(page.locator('.test-error-view').last(), 'whole').toContainText('Line 30 of the story.');
  await openTest(page, run.movedReport, 'fails with the stock driver');
  const [seen, all] = await page
    .locator('.test-error-view')
    .first()
    // What of a browser's Element is needed: this code runs in the page.
    .evaluate((view) => {
      const { clientWidth, scrollWidth } = view as unknown as Record<'clientWidth' | 'scrollWidth', number>;
      return [clientWidth, scrollWidth];
    });
  expect(all).toBeLessThanOrEqual(seen);
});

test('what is asked of a VM is a step, with its arguments and the line that asked', async ({
  run,
  browser,
}) => {
  const page = await browser.newPage();
  await openTest(page, run.movedReport, 'passes');
  await page.getByText('Expect "toMatchPageFault"').first().click();
  const steps = await page.locator('.step-title-text').allInnerTexts();
  for (const step of [
    /^guest shell exit "\$1" 3 ?— .*outcomes\.sample\.ts:8$/,
    /^monitor command info version ?— .*outcomes\.sample\.ts:9$/,
    /^map 4 pages for DMA ?— .*outcomes\.sample\.ts:10$/,
    /^walk 0x7f[0-9a-f]+ of process \d+ ?— .*outcomes\.sample\.ts:11$/,
    /^touch address: 0x7f[0-9a-f]+, access: read.* of process \d+ ?— .*outcomes\.sample\.ts:12$/,
  ])
    expect(steps).toContainEqual(expect.stringMatching(step));
});

test('the trace of a failure shows the same steps, each with its line of the spec', async ({
  run,
  browser,
}) => {
  const cli = path.resolve('node_modules/@playwright/test/cli.js');
  // The viewer works over HTTP only.
  const args = [cli, 'show-report', '--host', '127.0.0.1', '--port', '0', run.movedReport];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let said = '';
    server.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await expect.poll(() => said, { timeout: 30_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
    const page = await browser.newPage();
    await page.goto(/http:\S+\d/.exec(said)?.[0] ?? '');
    await page.getByText('fails with the stock driver', { exact: true }).first().click();
    await page.getByRole('link', { name: 'trace' }).first().click();
    await expect(page.getByRole('treeitem', { name: 'Expect "toHaveUserBitCleared"' })).toBeVisible();
    await page.getByRole('treeitem', { name: 'map 4 pages for DMA' }).click();
    await page.getByRole('tab', { name: 'Source' }).click();
    await expect(page.locator('.source-line-running')).toHaveText(/vfio\.mapDma\(\{ pages: 4 \}\)/);
  } finally {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
});

test('pictures of a failure are shown inline and legible', async ({ run, browser }) => {
  const page = await browser.newPage({ viewport: { width: 1024, height: 1000 } });
  await openTest(page, run.movedReport, 'fails with the stock driver');
  // The thumbnail of a trace is no picture of ours.
  const sizes = await page.locator("img:not([src^='data:'])").evaluateAll((images) =>
    images.map((image) => {
      // What of a browser's HTMLImageElement is needed: this code runs in the page.
      const { naturalWidth, complete, width } = image as unknown as Record<
        'naturalWidth' | 'width',
        number
      > & { complete: boolean };
      return { complete, naturalWidth, shown: width };
    }),
  );
  expect(sizes.length).toBeGreaterThanOrEqual(3);
  for (const { complete, naturalWidth, shown } of sizes) {
    expect(complete).toBe(true);
    expect(naturalWidth).toBeGreaterThan(300);
    // Small print of 11 px must not shrink below 8.
    expect(shown / naturalWidth).toBeGreaterThan(0.7);
  }
  await page.screenshot({
    path: test.info().outputPath('stock.png'),
    fullPage: true,
    clip: { x: 0, y: 0, width: 1024, height: 1700 },
  });
  await test
    .info()
    .attach('report of a failure', { path: test.info().outputPath('stock.png'), contentType: 'image/png' });
});

test('walk, registers and logs are there', ({ run }) => {
  const stock = run.attachments('fails with the stock driver');
  for (const name of [
    'what-happened.txt',
    'walk.svg',
    'leaf-entry.svg',
    'vcpus.txt',
    'info-status.txt',
    'kernel-log-window.txt',
    'guest-processes-and-modules.txt',
    'console-tail.txt',
    'qemu-stderr.txt',
    'host.txt',
    'machine.json',
    'dmesg.txt',
    'monitor.txt',
    'console.txt',
    'timeline.svg',
    'trace',
  ]) {
    expect(stock, 'artifacts of a failure').toContain(name);
  }
  // A pass leaves what is cheap, and one walk of what it saw.
  expect(run.attachments('passes').toSorted()).toEqual([
    ...['console.txt', 'dmesg.txt', 'machine.json', 'monitor.txt', 'timeline.svg', 'walk.svg', 'walk.txt'],
  ]);
});

test('markup, control codes, endless lines and invalid UTF-8 of a guest are text and run nothing', async ({
  run,
  browser,
}) => {
  const page = await browser.newPage();
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await openTest(page, run.movedReport, 'fails in a guest that prints markup');
  for (const name of ['console.txt', 'dmesg.txt', 'kernel-log-window.txt', 'console-tail.txt']) {
    await page.getByText(name).first().click();
  }
  await expect(page.locator('body')).toContainText('<script>document.title="owned"</script>');
  expect(await page.title()).not.toBe('owned');
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  expect(dialogs).toEqual([]);
  const text = await page.locator('body').innerText();
  expect(text).not.toContain('\x1b');
});

test('the report works at another place: nothing that it needs is left behind', async ({ run, browser }) => {
  const page = await browser.newPage();
  const failed: string[] = [];
  page.on('requestfailed', (request) => failed.push(request.url()));
  await openTest(page, run.movedReport, 'fails with the stock driver');
  expect(await page.locator('img').count()).toBeGreaterThanOrEqual(3);
  // Playwright's own page asks for its error context (.md) by fetch(), which a browser refuses below file:; the link to it works.
  expect(failed.filter((url) => !url.endsWith('.md'))).toEqual([]);
  const links = await page
    .locator('a[href*="data/"]')
    // What of a browser's HTMLAnchorElement is needed: this code runs in the page.
    .evaluateAll((found) => (found as unknown as { href: string }[]).map(({ href }) => href));
  expect(links.length).toBeGreaterThan(0);
  for (const link of links) {
    expect(link).toContain(pathToFileURL(run.movedReport).href);
    await access(fileURLToPath(link.replace(/[?#].*$/, '')));
  }
});
