import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import type { RunSummary } from '../../fixtures/reporters/summary/model.js';
import { createRunFolder } from '../../lib/machine/ownership/index.js';
import { blocksOf, type CodeBlock, pages, root, textOf } from '../unit/package/pages.js';

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

/** Of the Playwright that runs this, the npm that runs that, and the checkout that it is to use; not where packages come from. */
const notTheirs =
  /^(TEST_|PLAYWRIGHT_|PW|FORCE_COLOR|CI$|OPENTDX_ROOT|GPU$|npm_(?!config_(registry|cache|cafile|\w*proxy|userconfig)$)|NODE_(?!EXTRA_CA)|E2E_(?!CACHE|ACCEL|QEMU|IMAGE|DEBIAN))/;

/** As somebody in a terminal of their own. */
function type(folder: string, command: string, ...args: string[]): Promise<Outcome> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !notTheirs.test(name)));
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const exitCode = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ exitCode, output: `${stdout}\n${stderr}` });
    });
  });
}

async function succeed(folder: string, command: string, ...args: string[]): Promise<string> {
  const { exitCode, output } = await type(folder, command, ...args);
  expect(exitCode, `${command} ${args.join(' ')}: ${output}`).toBe(0);
  return output;
}

const own = `import { _PAGE_USER, expect, InfrastructureError, test } from 'opentdx-e2e';

class LampError extends InfrastructureError {
  override readonly name = 'LampError';
}

test('lamp', () => {
  throw new LampError('The lamp of rack 7 is dark.');
});

test('false', async ({ vfio }) => {
  const mapping = await vfio.mapDma({ pages: 1 });
  await expect(mapping).toHavePteBits({ set: _PAGE_USER });
});
`;

/** The documentation's specs, as in a repository of theirs; once where pages show the same. */
const documents = new Map(
  pages
    .flatMap(blocksOf)
    .filter(({ language }) => language === 'ts')
    .map((block): [string, CodeBlock] => [
      block.text.replace(/'(\.\.\/)+fixtures\/index\.js'.*/, "'opentdx-e2e';"),
      block,
    ]),
);

/** Each in a folder of its own, with the C program that its page shows. */
async function writeDocuments(folder: string): Promise<void> {
  for (const [at, [text, { page }]] of [...documents].entries()) {
    const beside = path.join(folder, `block-${at}`);
    await mkdir(beside, { recursive: true });
    await writeFile(path.join(beside, `${path.basename(page, '.md')}.spec.ts`), text);
    const [, name] = /`specs\/(\S+\.c)`/.exec(textOf(page)) ?? [];
    const source = blocksOf(page).find(({ language }) => language === 'c');
    if (name !== undefined && source) await writeFile(path.join(beside, name), source.text);
  }
}

test('from the tarball to specs of somebody else in an empty folder, as the documentation has it: green, each of its blocks, an infrastructure error of theirs, and a false expectation', async () => {
  // Packages come from the registry, and the package is compiled, beside three runs.
  test.setTimeout(900_000);
  await using scratch = await createRunFolder({ prefix: 'stranger' });
  // Names as somebody may have them.
  const folder = path.join(scratch.path, "Jürgen's", 'kernel specs');
  await mkdir(folder, { recursive: true });

  await test.step('npm pack', () => succeed(root, 'npm', 'pack', '--pack-destination', scratch.path));
  const [tarball = ''] = (await readdir(scratch.path)).filter((name) => name.endsWith('.tgz'));
  const { devDependencies } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const runner = `@playwright/test@${devDependencies['@playwright/test'] ?? ''}`;
  const program = (...args: string[]): Promise<Outcome> =>
    type(folder, 'npx', '--no-install', 'opentdx-e2e', ...args);

  await test.step('the lines of docs/first-spec.md', async () => {
    const lines = blocksOf('docs/first-spec.md').find(({ language }) => language === 'sh')?.text ?? '';
    const typed = lines
      .replace(/\S*…\S*\.tgz/, path.join(scratch.path, tarball))
      .replace('@playwright/test', runner)
      .replaceAll('npm install', 'npm install --prefer-offline');
    const said = await succeed(folder, 'sh', '-ec', typed);
    expect(said).toContain('made  specs/first.spec.ts');
    expect(said).toMatch(/^Good \(exit code 0\): 1 test passed/m);
  });

  await test.step('what is there stays', async () => {
    await writeFile(path.join(folder, 'specs/own.spec.ts'), own);
    await writeDocuments(path.join(folder, 'specs/documents'));
    expect((await program('init')).output).toContain('kept  specs/first.spec.ts');
    await succeed(folder, 'npx', '--no-install', 'tsc');
  });

  await test.step('each block of the documentation', async () => {
    // The flight recorder needs more watchpoints than a processor has.
    const args = ['E2E_ACCEL=tcg', 'npx', '--no-install', 'opentdx-e2e', 'test', 'documents', '--workers=1'];
    const { output } = await type(folder, 'env', ...args);
    const { tests, failures } = JSON.parse(
      await readFile(path.join(folder, 'run-summary.json'), 'utf8'),
    ) as RunSummary;
    const failing = [...documents.values()].filter(({ fails }) => fails !== undefined);
    // Each is a spec of one test.
    const counts = { passed: documents.size - failing.length, failed: failing.length, flaky: 0, skipped: 0 };
    expect(tests, output).toEqual(counts);
    expect(failures).toEqual(
      failing.map(({ page, fails }) =>
        expect.objectContaining({
          location: expect.objectContaining({
            file: expect.stringContaining(`/${path.basename(page, '.md')}.spec.ts`),
          }),
          text: expect.stringContaining(fails ?? ''),
        }),
      ),
    );
  });

  await test.step('both licenses, no specs, types and source maps', async () => {
    const installed = path.join(folder, 'node_modules/opentdx-e2e');
    expect(await readFile(path.join(installed, 'LICENSE'), 'utf8')).toContain('MIT License');
    expect(await readFile(path.join(installed, 'LICENSES/GPL-2.0-only.txt'), 'utf8')).toContain(
      'GNU GENERAL PUBLIC LICENSE',
    );
    const files = (await readdir(path.join(installed, 'dist'), { recursive: true })).map(String);
    expect(files).toEqual(expect.arrayContaining(['fixtures/index.d.ts', 'fixtures/index.js.map']));
    const notForOthers = files.filter(
      (file) => /(?<!\.d)\.ts$|^specs/.test(file) && !file.startsWith('scripts/init/'),
    );
    expect(notForOthers).toEqual([]);
  });

  for (const { name, args, exitCode, line } of [
    {
      name: 'their infrastructure error',
      args: ['-g', 'lamp'],
      exitCode: 125,
      line: /LampError: The lamp of rack 7/,
    },
    { name: 'a false expectation', args: ['-g', 'false'], exitCode: 1, line: /^Bad \(exit code 1\)/m },
    {
      name: 'a project that needs a kernel',
      args: ['--project=hybrid'],
      exitCode: 125,
      line: /set E2E_KERNEL/,
    },
  ]) {
    await test.step(name, async () => {
      const ended = await program('test', ...args);
      expect(ended, ended.output).toMatchObject({ exitCode });
      expect(ended.output).toMatch(line);
    });
  }

  await test.step('commands', async () => {
    for (const command of ['init', 'test', 'vm', 'verify-pte', 'resume', 'doctor', 'cache', 'image']) {
      const help = await program(command, '--help');
      expect(help, command).toMatchObject({ exitCode: 0 });
      expect(help.output, command).toMatch(new RegExp(`^usage: npx opentdx-e2e ${command}\\b`));
    }
    expect(await program('verdicts')).toMatchObject({ exitCode: 2 });
    expect(await program('image', 'update')).toMatchObject({ exitCode: 2 });
    expect(await program('no-such-command')).toMatchObject({ exitCode: 2 });
    const doctor = await program('doctor');
    expect(doctor, doctor.output).toMatchObject({ exitCode: 0 });
  });
});
