import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import { execa, type Options } from 'execa';

import {
  describeChanges,
  installQemuWrapper,
  readReport,
  type WrapperWishes,
} from '../../../../lib/machine/qemu-wrapper/index.js';

/** Says who it is, how it was started, and by which words. */
const fakeQemu = `#!/bin/sh
printf '%s\\0' "$$" "$0" "$@"
exit 7
`;

interface Run {
  exitCode: number | undefined;
  stderr: string;
  pid: number | undefined;
  words: string[];
}

async function install(
  folder: string,
  wishes: WrapperWishes,
): Promise<{ file: string; report: string; qemu: string }> {
  await mkdir(folder, { recursive: true });
  const qemu = path.join(folder, 'qemu');
  await writeFile(qemu, fakeQemu, { mode: 0o755 });
  return { qemu, ...(await installQemuWrapper(folder, { qemu, wishes })) };
}

async function run(file: string, words: readonly string[], options: Options = {}): Promise<Run> {
  const process = execa(file, words, { cwd: '/', reject: false, ...options });
  const { exitCode, stderr, stdout } = await process;
  return {
    exitCode,
    stderr: String(stderr),
    pid: process.pid,
    words: String(stdout).split('\0').slice(0, -1),
  };
}

test('becomes QEMU: same process, its exit code, every word as it was', async ({}, testInfo) => {
  const { file, qemu, report } = await install(testInfo.outputPath('wrapper'), {});
  const words = ['-append', 'a  b\n"c" $d \\e', '', "-name=it's", '*', '-nographic', 'Ω'];
  const result = await run(file, words);
  expect(result).toEqual({
    exitCode: 7,
    stderr: '',
    pid: result.pid,
    words: [String(result.pid), qemu, ...words],
  });
  expect(await readReport(report)).toMatchObject({ qemu, given: words, used: words, changes: [] });
});

test('needs nothing of the environment or the working folder, as under sudo', async ({}, testInfo) => {
  const { file } = await install(testInfo.outputPath('wrapper'), { tcgBecause: 'of this' });
  const { exitCode, words } = await run(file, ['-enable-kvm'], { extendEnv: false, env: {} });
  expect(exitCode).toBe(7);
  expect(words.slice(2)).toEqual(['-accel', 'tcg,thread=multi']);
});

test('is not disturbed by what the environment says to Node', async ({}, testInfo) => {
  const { file } = await install(testInfo.outputPath('wrapper'), {});
  const { exitCode, stderr } = await run(file, [], { env: { NODE_OPTIONS: '--require=/nowhere.js' } });
  expect({ exitCode, stderr }).toEqual({ exitCode: 7, stderr: '' });
});

test('works in a folder whose name a shell would take apart', async ({}, testInfo) => {
  const folder = testInfo.outputPath(`it's "a" $folder`);
  const { file, qemu, report } = await install(folder, { gdbPort: 21000 });
  const { words } = await run(file, ['-S']);
  expect(words.slice(1)).toEqual([qemu, '-gdb', 'tcp:127.0.0.1:21000']);
  expect((await readReport(report))?.changes).toHaveLength(2);
});

test('does not start QEMU when a wish cannot be met, and says why', async ({}, testInfo) => {
  const { file, report } = await install(testInfo.outputPath('wrapper'), { passThrough: 'edu' });
  const { exitCode, stderr, words } = await run(file, ['-hda', 'disk.img']);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^opentdx-e2e: the QEMU wrapper gave up: The launch script gives QEMU no -kernel/);
  expect(words).toEqual([]);
  expect(await readReport(report)).toBeUndefined();
});

test('a QEMU that is not there is named', async ({}, testInfo) => {
  const folder = testInfo.outputPath('wrapper');
  await mkdir(folder, { recursive: true });
  const { file } = await installQemuWrapper(folder, { qemu: '/nowhere/qemu', wishes: {} });
  const { exitCode, stderr } = await run(file, []);
  expect(exitCode).toBe(127);
  expect(stderr).toContain('/nowhere/qemu: No such file or directory');
});

test('the report reads as what was taken out and what was put in', async ({}, testInfo) => {
  const { file, qemu, report } = await install(testInfo.outputPath('wrapper'), {
    tcgBecause: 'KVM cannot run a guest here',
    gdbPort: 21000,
  });
  await run(file, ['-enable-kvm', '-S', '-gdb', 'tcp::21000']);
  const content = await readReport(report);
  if (!content) throw new Error('no report');
  expect(describeChanges(content)).toBe(
    [
      `What was changed of the command line of ${qemu}:`,
      'KVM cannot run a guest here:',
      '  - -enable-kvm',
      '  + -accel tcg,thread=multi',
      'the VM runs from the start:',
      '  - -S',
      '',
    ].join('\n'),
  );
  expect(describeChanges({ ...content, changes: [] })).toContain('nothing');
});
