import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../../..');

// The compiler reads all of the project's types, on a busy host.
test.describe.configure({ timeout: 180_000 });

test('an editor shows of every matcher what it says', () => {
  const files = readdirSync(path.join(root, 'specs/vfio'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spec.ts'))
    .map((name) => path.join(root, 'specs/vfio', name));
  const service = serviceFor(files);
  /** What an editor shows where a spec first uses it. */
  const hover = (word: RegExp): string => {
    for (const file of files) {
      const found = word.exec(readFileSync(file, 'utf8'));
      const info = found && service.getQuickInfoAtPosition(file, found.index + 2);
      if (info) return ts.displayPartsToString(info.documentation);
    }
    return 'is used by no spec of these';
  };
  const folder = path.join(root, 'fixtures/matchers');
  const names = readdirSync(folder).flatMap((file) =>
    [...readFileSync(path.join(folder, file), 'utf8').matchAll(/^ {4}'(to[A-Z]\w+)',$/gm)].map(
      ([, name = '']) => name,
    ),
  );
  expect(names.length).toBeGreaterThan(10);
  const silent = names.filter((name) => hover(new RegExp(`\\.${name}\\(`)).length < 20);
  expect(silent).toEqual([]);
  expect(hover(/\.mapDma\(/)).toContain('DMA');
});

/** The language service that editors ask. */
function serviceFor(files: string[]): ts.LanguageService {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return ts.createLanguageService({
    ...ts.sys,
    useCaseSensitiveFileNames: () => true,
    getScriptFileNames: () => files,
    getScriptVersion: () => '1',
    getScriptSnapshot: (file) => {
      const text = ts.sys.readFile(file);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => root,
    getCompilationSettings: () => options,
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
  });
}
