/** `opentdx-e2e init [FOLDER]`: makes a folder in which specs of somebody else's run. Changes nothing that is there. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readCommandLine, refuse } from './command-line.js';
import { usages } from './usages.js';

/** What of a package.json is looked at. */
interface Manifest {
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const templates = path.join(import.meta.dirname, 'init');

const { positionals } = readCommandLine(usages.init, { allowPositionals: true });
if (positionals.length > 1) refuse(usages.init, 'One folder.');
const folder = path.resolve(positionals[0] ?? '.');
const manifestFile = path.join(folder, 'package.json');

await mkdir(folder, { recursive: true });
const before = existsSync(manifestFile) ? await manifestOf(manifestFile) : {};
if (before.type !== 'module' && (await hasCode(folder)))
  refuse(
    usages.init,
    `${folder} has code already, and its package.json no "type": "module", which specs need: have a folder of their own made below it, with 'init e2e'.`,
  );

const repository = repositoryOf(folder);
const workflow = path.join(repository, '.github/workflows/opentdx-e2e.yml');
await make(path.join(folder, 'playwright.config.ts'), 'playwright.config.ts');
await make(path.join(folder, 'specs/first.spec.ts'), 'specs/first.spec.ts');
await make(path.join(folder, 'tsconfig.json'), 'tsconfig.json');
await make(path.join(folder, '.gitignore'), 'gitignore');
await make(workflow, 'workflow.yml', (text) =>
  text.replaceAll('FOLDER', path.relative(repository, folder) || '.'),
);
const after = await withNeeds(before);
await writeFile(manifestFile, `${JSON.stringify(after, null, 2)}\n`);
console.log(`package.json has what they need. Next, in ${folder}:

npm install                          # the compiler and types for editors
npx tsc                              # checks the specs' types
npx --no-install opentdx-e2e test    # runs them on a real VM: the first time builds its guest`);

async function manifestOf(file: string): Promise<Manifest> {
  return JSON.parse(await readFile(file, 'utf8')) as Manifest;
}

/** The versions are those that the package itself is checked with. */
async function withNeeds(manifest: Manifest): Promise<Manifest> {
  const own = await manifestOf(fileURLToPath(import.meta.resolve('opentdx-e2e/package.json')));
  const needed = ['@playwright/test', '@types/node', 'typescript']
    .filter((name) => manifest.dependencies?.[name] === undefined)
    .map((name) => [name, own.devDependencies?.[name] ?? '*']);
  return {
    ...manifest,
    type: 'module',
    scripts: { e2e: 'opentdx-e2e test', typecheck: 'tsc', ...manifest.scripts },
    devDependencies: { ...Object.fromEntries(needed), ...manifest.devDependencies } as Record<string, string>,
  };
}

async function hasCode(of: string): Promise<boolean> {
  const entries = await readdir(of, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !/^(\.|node_modules$)/.test(entry.name));
  if (entries.some(({ name }) => /\.[jt]sx?$/.test(name))) return true;
  for (const { name } of folders) if (await hasCode(path.join(of, name))) return true;
  return false;
}

/** Where Actions looks for workflows: the repository's root. */
function repositoryOf(of: string): string {
  for (let at = of; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, '.git'))) return at;
    if (at === path.dirname(at)) return of;
  }
}

async function make(
  file: string,
  template: string,
  filled: (text: string) => string = (text) => text,
): Promise<void> {
  const name = path.relative(folder, file);
  if (existsSync(file)) {
    console.log(`kept  ${name}`);
    return;
  }
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, filled(await readFile(path.join(templates, template), 'utf8')));
  console.log(`made  ${name}`);
}
