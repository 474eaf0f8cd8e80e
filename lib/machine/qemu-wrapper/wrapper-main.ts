/**
 * What an installed wrapper runs: changes the command line in its arguments as the settings file, the first of them, says. Prints the
 * program and its arguments, each ended by a NUL, and writes the report. See install.ts.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import type { WrapperReport } from './report.js';
import { rewriteCommandLine } from './rewrite.js';
import type { WrapperSettings } from './settings.js';

const [settingsFile = '', ...given] = process.argv.slice(2);
try {
  const { qemu, wishes, report } = JSON.parse(readFileSync(settingsFile, 'utf8')) as WrapperSettings;
  const { words, changes } = rewriteCommandLine(given, wishes, (file) =>
    existsSync(file) ? readFileSync(file, 'utf8') : undefined,
  );
  const content: WrapperReport = { qemu, wishes, given, used: words, changes };
  writeFileSync(report, `${JSON.stringify(content, null, 2)}\n`);
  process.stdout.write([qemu, ...words].map((word) => `${word}\0`).join(''));
} catch (error) {
  process.stderr.write(
    `opentdx-e2e: the QEMU wrapper gave up: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
