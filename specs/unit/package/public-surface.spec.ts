import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../../..');

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly license: string;
}

test('what others may import is what docs/public-surface.md lists: a change of one is a change of the other', async () => {
  const index = path.join(root, 'fixtures/index.ts');
  const source = ts.createSourceFile(index, await readFile(index, 'utf8'), ts.ScriptTarget.Latest);
  const text = await readFile(path.join(root, 'docs/public-surface.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `(\w+)` +\| (value|type) /gm)].map(
    ([, name, kind]) => `${name ?? ''}: ${kind ?? ''}`,
  );
  expect(listed.toSorted()).toEqual(source.statements.flatMap(exportsOf).toSorted());
  expect(listed.length).toBeGreaterThan(10);
});

test('the package has that index as its only way in', async () => {
  const { exports, license } = JSON.parse(
    await readFile(path.join(root, 'package.json'), 'utf8'),
  ) as Manifest;
  expect(exports).toEqual({
    '.': { types: './dist/fixtures/index.d.ts', default: './dist/fixtures/index.js' },
    './package.json': './package.json',
  });
  expect(license).toBe('MIT AND GPL-2.0-only');
});

/** `name: value` or `name: type` of all that a statement exports. What cannot be told is refused, so that nothing is left out. */
function exportsOf(statement: ts.Statement): string[] {
  if (ts.isExportDeclaration(statement)) {
    const { exportClause, isTypeOnly } = statement;
    if (!exportClause || !ts.isNamedExports(exportClause))
      throw new Error('The index exports by name, and nothing by *.');
    return exportClause.elements.map(
      (element) => `${element.name.text}: ${isTypeOnly || element.isTypeOnly ? 'type' : 'value'}`,
    );
  }
  if (!ts.canHaveModifiers(statement)) return [];
  if (!ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => {
      if (!ts.isIdentifier(name)) throw new Error('The index exports each value by its own name.');
      return `${name.text}: value`;
    });
  throw new Error(`The index has an export of a kind that is not known here: ${statement.kind}`);
}
