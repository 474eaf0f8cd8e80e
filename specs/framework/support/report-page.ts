import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { type Browser, chromium, expect, type Page } from '@playwright/test';

/** Debian's, where it is installed (`scripts/setup.sh browser`). */
const executablePath = '/usr/bin/chromium';
/** As root it needs --no-sandbox; the rest keeps it from asking for anything outside of this host. */
const browserArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: browserArguments });
}

/** Opens what an HTML report, a folder, says of one test. */
export async function openTest(page: Page, report: string, title: string): Promise<void> {
  await page.goto(pathToFileURL(path.join(report, 'index.html')).href);
  await page.getByText(title, { exact: true }).first().click();
  await expect(page.getByText('machine.json').first()).toBeVisible();
}
