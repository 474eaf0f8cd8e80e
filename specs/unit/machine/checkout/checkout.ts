import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { checkoutParts, seamLoader } from '../../../../lib/machine/checkout/index.js';

/** A launch script that opens what the fork's does. Nothing runs it. */
export const forksScript = `#!/bin/bash -e
# A comment that mentions -monitor tcp:127.0.0.1:1334
qemu_str+="-netdev user,id=net0,hostfwd=tcp::\${ssh_port}-:22 "
qemu_str+="-monitor tcp:127.0.0.1:\${monitor_port},server,nowait "
qemu_str+="-nographic"
eval "sudo ./qemu-l0/build/qemu-system-x86_64 \${qemu_str}"
`;

/** Makes every part of the contract below `root`, in files without a meaning. */
export async function makeParts(root: string): Promise<void> {
  const loader = path.join(root, seamLoader.folder, 'some-version', seamLoader.file);
  for (const folder of checkoutParts.filter(({ kind }) => kind === 'folder'))
    await mkdir(path.join(root, folder.path), { recursive: true });
  const files = checkoutParts.filter(({ kind }) => kind === 'file').map((part) => path.join(root, part.path));
  for (const file of [...files, loader]) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'sample');
  }
  await writeFile(path.join(root, 'launch-opentdx.sh'), forksScript);
  for (const { path: part } of checkoutParts.filter(({ access }) => access === 'run'))
    await chmod(path.join(root, part), 0o755);
}
