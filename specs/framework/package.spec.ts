import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { createRunFolder } from '../../lib/machine/ownership/index.js';

const root = path.resolve(import.meta.dirname, '../..');

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

test('from the tarball to specs of somebody else in an empty folder: green, an infrastructure error of theirs, and a false expectation', async () => {
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
  await test.step('npm install', async () => {
    await succeed(folder, 'npm', 'init', '-y');
    await succeed(
      folder,
      'npm',
      'install',
      '--prefer-offline',
      '--save-dev',
      path.join(scratch.path, tarball),
      runner,
    );
  });
  const program = (...args: string[]): Promise<Outcome> =>
    type(folder, 'npx', '--no-install', 'opentdx-e2e', ...args);

  await test.step('init', async () => {
    const made = await program('init');
    expect(made, made.output).toMatchObject({ exitCode: 0 });
    expect(made.output).toContain('made  specs/first.spec.ts');
    await succeed(folder, 'npm', 'install', '--prefer-offline');
    await succeed(folder, 'npx', '--no-install', 'tsc');
    // What is there stays.
    await writeFile(path.join(folder, 'specs/own.spec.ts'), own);
    const page = await readFile(path.join(root, 'docs/own-process.md'), 'utf8');
    for (const [language, file] of [
      ['c', 'my.c'],
      ['ts', 'my.spec.ts'],
    ] as const) {
      const block = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(page)?.[1];
      await writeFile(path.join(folder, 'specs', file), block ?? '');
    }
    expect((await program('init')).output).toContain('kept  specs/first.spec.ts');
    await succeed(folder, 'npx', '--no-install', 'tsc');
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
    { name: 'the first spec', args: ['first'], exitCode: 0, line: /^Good \(exit code 0\): 1 test passed/m },
    {
      name: 'the program of docs/own-process.md',
      args: ['my.spec'],
      exitCode: 0,
      line: /^Good \(exit code 0\): 1 test passed/m,
    },
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
