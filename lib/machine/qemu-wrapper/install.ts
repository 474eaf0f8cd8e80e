import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { isCompiled } from '../../text/index.js';
import type { WrapperWishes } from './rewrite.js';
import type { WrapperSettings } from './settings.js';

/** A wrapper that is ready to be run. */
export interface QemuWrapper {
  /** The program to put in the place of the checkout's QEMU. It may be copied: it knows its files by absolute paths. */
  readonly file: string;
  /** Where it says what it changed; see readReport. */
  readonly report: string;
}

const program = path.join(import.meta.dirname, `wrapper-main${path.extname(import.meta.filename)}`);

/**
 * Writes a program into `folder` that takes QEMU's command line, changes it as wished for, writes down what it changed, and becomes
 * `qemu`. Under sudo, which leaves nothing of the environment, it works as well.
 *
 * @param folder is there, and lives as long as the program is needed
 * @param qemu absolute path of the QEMU that is to run
 */
export async function installQemuWrapper(
  folder: string,
  { qemu, wishes }: { qemu: string; wishes: WrapperWishes },
): Promise<QemuWrapper> {
  const file = path.join(folder, 'qemu-wrapper');
  const settingsFile = path.join(folder, 'qemu-wrapper.json');
  const settings: WrapperSettings = { qemu, wishes, report: path.join(folder, 'qemu-command-line.json') };
  await writeFile(settingsFile, `${JSON.stringify(settings, null, 2)}\n`);
  // Absolute: `--import tsx` would be looked for from the working folder, which is the checkout.
  const loader = isCompiled ? [] : ['--import', import.meta.resolve('tsx')];
  const rewrite = [process.execPath, ...loader, program, settingsFile].map(quote).join(' ');
  await writeFile(
    file,
    `#!/bin/bash
# Made by opentdx-e2e for one launch: runs QEMU with a changed command line. See ${quote(settings.report)}
set -eu
mapfile -d '' -t words < <(NODE_OPTIONS= TSX_DISABLE_CACHE=1 ${rewrite} "$@")
wait "$!"
exec "\${words[@]}"
`,
    { mode: 0o755 },
  );
  return { file, report: settings.report };
}

/** A word of a shell that stands for exactly these characters. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
