import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import ts from 'typescript';

import { blocksOf, type CodeBlock, linksOf, pages, root, spansOf, textOf } from './pages.js';

// The compiler reads all of the project's types, on a busy host.
test.describe.configure({ timeout: 120_000 });

const blocks = pages.flatMap(blocksOf);

test('no page points to a file that is not there', () => {
  expect(pages.length).toBeGreaterThan(15);
  const broken = pages.flatMap((page) =>
    linksOf(page).flatMap((file) => (existsSync(path.join(root, file)) ? [] : [`${page}: ${file}`])),
  );
  expect(broken).toEqual([]);
});

test('a block of code is of a kind that is known here: run, checked, or what a program prints', () => {
  const kinds = ['ts', 'sh', 'c', 'yaml', 'text', ''];
  expect(blocks.filter(({ language }) => !kinds.includes(language))).toEqual([]);
});

test('each block of TypeScript compiles against what others may import', () => {
  // In the same run, as the compiler reads all of the project's types: what it must not take.
  const wrong = [
    "import { test } from 'opentdx-e2e';\ntest('t', async ({ vfio }) => { await vfio.mapDma({ page: 4 }); });\n",
    "import { walk } from '../../lib/paging/index.js';\nvoid walk;\n",
  ].map((text) => ({ page: 'a wrong page', text }));
  const found = problemsOf([...blocks.filter(({ language }) => language === 'ts'), ...wrong]);
  expect(found).toEqual([
    expect.stringMatching(/^a wrong page:2: .*'page' does not exist/),
    expect.stringContaining("imports '../../lib/paging/index.js'"),
  ]);
});

test('each command of a page is one that there is, with options, paths and projects that there are', () => {
  const commands = pages.flatMap((page) =>
    [
      ...blocksOf(page)
        .filter(({ language }) => language === 'sh')
        .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n')),
      ...spansOf(page).filter((span) =>
        /^(E2E_\w+=\S* |OPENTDX_ROOT=\S* )*(npm run|npx|scripts\/\S+ )/.test(span),
      ),
    ].map((line) => ({ page, line })),
  );
  expect(commands.length).toBeGreaterThan(40);
  expect(
    commands.flatMap(({ page, line }) => mistakesIn(line, page).map((what) => `${page}: ${what}`)),
  ).toEqual([]);
  for (const line of [
    'npm run e3e',
    'npm run e2e -- specs/none.spec.ts',
    'E2E_ACCEL=tcg npx playwright test --project=none',
    'npx playwright test --headless-shell',
    'npx --no-install opentdx-e2e make',
    'cd x && npm run vm -- --stakc reference',
    'git bisect run npm run e2e -- specs/none.spec.ts',
    'npx tsx scripts/none.ts',
    'scripts/none.sh # comment',
    'frobnicate',
  ])
    expect(mistakesIn(line, 'README.md'), line).toHaveLength(1);
});

test('a page in Chinese has the blocks, headings and links of the English one', () => {
  const chinese = pages.filter((page) => page.startsWith('docs/zh/'));
  expect(chinese).toEqual(['docs/zh/README.md', 'docs/zh/first-spec.md']);
  for (const page of chinese) {
    const english = page.endsWith('README.md') ? 'README.md' : page.replace('zh/', '');
    expect(
      blocksOf(page).map(({ text }) => text),
      page,
    ).toEqual(blocksOf(english).map(({ text }) => text));
    const headings = (name: string): string[] => textOf(name).match(/^#+ /gm) ?? [];
    expect(headings(page), page).toEqual(headings(english));
    const others = (name: string): string[] =>
      [...new Set(linksOf(name).map((link) => link.replace('docs/zh/first', 'docs/first')))].sort();
    expect(
      others(page).filter((link) => link !== english),
      page,
    ).toEqual(others(english).filter((link) => link !== page));
    const spans = new Set(spansOf(english));
    expect(
      spansOf(page).filter((span) => !spans.has(span)),
      page,
    ).toEqual([]);
  }
  expect(linksOf('README.md')).toContain('docs/zh/README.md');
});

test('the README is of at most 100 lines', () => {
  expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(100);
});

/** What the compiler, and the rule of what may be imported, have against blocks, as if each were a spec of its own. */
function problemsOf(given: readonly Pick<CodeBlock, 'page' | 'text'>[]): string[] {
  const files = new Map(
    given.map(
      ({ page, text }, index) =>
        [path.join(root, 'specs/vfio', `block-${index}.ts`), { page, source: text }] as const,
    ),
  );
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const all = { ...options, paths: { 'opentdx-e2e': [path.join(root, 'fixtures/index.ts')] } };
  const plain = ts.createCompilerHost(all);
  const host: ts.CompilerHost = {
    ...plain,
    fileExists: (file) => files.has(file) || plain.fileExists(file),
    getSourceFile: (file, version) => {
      const block = files.get(file);
      return block ? ts.createSourceFile(file, block.source, version) : plain.getSourceFile(file, version);
    },
  };
  const program = ts.createProgram([...files.keys()], all, host);
  return [...files].flatMap(([file, { page, source }]) => {
    const parsed = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(parsed), ...program.getSemanticDiagnostics(parsed)];
    const said = found.map(({ start = 0, messageText }) => {
      const line = source.slice(0, start).split('\n').length;
      return `${page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    const imports = [...source.matchAll(/ from '([^']+)'/g)].map(([, from = '']) => from);
    const forbidden = imports.filter(
      (from) => !/^(opentdx-e2e|(\.\.\/)+fixtures\/index\.js|node:.*)$/.test(from),
    );
    return [...said, ...forbidden.map((from) => `${page} imports '${from}', which is no public module`)];
  });
}

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

const { scripts } = JSON.parse(textOf('package.json')) as Manifest;
const subcommands = [...textOf('scripts/opentdx-e2e.ts').matchAll(/^ {2}'?([\w-]+)'?: \{ usage/gm)].map(
  ([, name]) => name,
);
const projects = [...textOf('playwright.config.ts').matchAll(/name: '(\w+)'/g)].map(([, name]) => name);
const cli = path.join(root, 'node_modules/@playwright/test/cli.js');
const playwrightOptions = execFileSync(process.execPath, [cli, 'test', '--help'], { encoding: 'utf8' });

/** Programs of others that pages name; what they are given is theirs. */
const others =
  /^(cd|git|node|adduser|docker|make|npm (ci|install|pack|test|init)|npx playwright show-(report|trace)|\.\/config\.sh)\b/;

/** What is wrong with a line of shell that a page shows. Words with `…`, or in capitals, are the reader's to fill in. */
function mistakesIn(line: string, page: string): string[] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .split('&&')
    .map((command) =>
      command
        .trim()
        .replace(/^(\w+=\S+ +)+/, '')
        .replace(/^git bisect run (?!sh)/, '')
        .replace(/^scripts\/ci\/in-container\.sh (?=\S)/, ''),
    )
    .filter((command) => command !== '' && !others.test(command))
    .flatMap((command) => mistakesOf(command, page));
}

function mistakesOf(command: string, page: string): string[] {
  const words = command
    .replace(/\[-- ?|\]/g, '-- ')
    .split(/\s+/)
    .filter((word) => word !== '');
  const wrong = (what: string): string[] => [`'${command}': ${what}`];
  const [program = '', ...rest] = words;
  const args = rest.filter((word) => word !== '--' && word !== '--no-install');
  const [first = '', ...more] = args;
  if (program === 'npm') {
    const [, script = '', ...given] = args;
    if (first !== 'run' || !Object.hasOwn(scripts, script)) return wrong('no such script');
    return script === 'e2e' ? ofPlaywright(given, page, wrong) : ofScript(script, given, wrong);
  }
  if (program === 'npx' && first === 'playwright' && more[0] === 'test')
    return ofPlaywright(more.slice(1), page, wrong);
  if (program === 'npx' && first === 'opentdx-e2e') {
    const [name = '', ...given] = more;
    if (name === 'COMMAND' || name === '') return [];
    if (!subcommands.includes(name)) return wrong('no such subcommand');
    return name === 'test' ? ofPlaywright(given, page, wrong) : ofScript(name, given, wrong);
  }
  const file = program === 'npx' && first === 'tsx' ? (more[0] ?? '') : program;
  if (/^[A-Z]+$/.test(file)) return [];
  if (!/^(scripts|images)\//.test(file)) return wrong('a program that is not known here');
  return existsSync(path.join(root, file)) ? [] : wrong('no such file');
}

function ofPlaywright(args: readonly string[], page: string, wrong: (what: string) => string[]): string[] {
  return args.flatMap((word) => {
    const [, option, , value] = /^(--?[\w-]+)(=(.*))?$/.exec(word) ?? [];
    if (option !== undefined && !new RegExp(`${option}\\b`).test(playwrightOptions))
      return wrong(`Playwright has no option ${option}`);
    if (option === '--project' && value !== undefined && !projects.includes(value))
      return wrong('no such project');
    if (!word.startsWith('specs/') || existsSync(path.join(root, word))) return [];
    // A page may tell the reader to make it.
    return spansOf(page).includes(word) ? [] : wrong(`there is no ${word}`);
  });
}

/** An option is one that the command's sources name. */
function ofScript(name: string, args: readonly string[], wrong: (what: string) => string[]): string[] {
  const folder = path.join(root, 'scripts', name);
  const files = [
    ...['.ts', '.sh'].map((extension) => folder + extension),
    ...(existsSync(folder) && statSync(folder).isDirectory()
      ? readdirSync(folder).map((file) => path.join(folder, file))
      : []),
  ].filter((file) => existsSync(file) && statSync(file).isFile());
  const source = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const unknown = args.filter(
    (word) => word.startsWith('--') && !new RegExp(`\\b${word.slice(2)}\\b`).test(source),
  );
  return unknown.flatMap((word) => wrong(`no option ${word}`));
}
