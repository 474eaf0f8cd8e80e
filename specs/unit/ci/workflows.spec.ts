import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';
import { execa } from 'execa';

import { workflowProblems } from '../../../scripts/ci/workflows/rules.js';

const root = path.resolve(import.meta.dirname, '../../..');
const folder = path.join(root, '.github/workflows');

const good = `name: good
on: [push]
permissions:
  contents: read
concurrency: good
jobs:
  test:
    runs-on: [self-hosted, linux, x64, kvm]
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - run: scripts/setup.sh
`;

test('a good workflow has no problems, and neither have those of this project', () => {
  expect(workflowProblems(good)).toEqual([]);
  for (const name of readdirSync(folder)) {
    expect(workflowProblems(readFileSync(path.join(folder, name), 'utf8')), name).toEqual([]);
  }
});

test('actionlint is asked: an output of a step that is not there is found', async ({}, testInfo) => {
  const file = testInfo.outputPath('workflow.yml');
  await writeFile(
    file,
    good.replace('timeout-minutes: 5', 'timeout-minutes: 5\n    env: { A: "${{ steps.no.outputs.a }}" }'),
  );
  const { exitCode, stderr } = await execa('node_modules/.bin/tsx', ['scripts/ci/lint-workflows.ts', file], {
    cwd: root,
    reject: false,
  });
  expect(stderr).toMatch(/workflow\.yml:10: .*steps/);
  expect(exitCode).toBe(1);
});

for (const { what, from, to, line, message } of [
  { what: 'a tag', from: /@11bd\S+ # v4.2.2/, to: '@v4', line: 11, message: /not pinned by commit/ },
  { what: 'a commit of no version', from: ' # v4.2.2', to: '', line: 11, message: /lacks a comment/ },
  {
    what: 'kept credentials',
    from: 'persist-credentials: false',
    to: 'fetch-depth: 1',
    line: 11,
    message: /persist/,
  },
  { what: 'rights', from: 'contents: read', to: 'contents: write', line: 1, message: /permissions/ },
  {
    what: 'more rights',
    from: 'contents: read',
    to: 'contents: read\n  actions: write',
    line: 1,
    message: /perm/,
  },
  {
    what: 'default rights',
    from: 'permissions:\n  contents: read\n',
    to: '',
    line: 1,
    message: /permissions/,
  },
  {
    what: "a job's own rights",
    from: '    timeout',
    to: '    permissions: write-all\n    timeout',
    line: 1,
    message: /test asks for permissions/,
  },
  { what: 'no group', from: 'concurrency: good\n', to: '', line: 1, message: /concurrency/ },
  { what: 'no timeout', from: '    timeout-minutes: 5\n', to: '', line: 1, message: /test has no timeout/ },
  {
    what: 'a script in YAML',
    from: 'run: scripts/setup.sh',
    to: 'run: |\n          true\n          true',
    line: 14,
    message: /one line/,
  },
  {
    what: 'an expression in a command',
    from: 'scripts/setup.sh',
    to: 'scripts/setup.sh ${{ github.head_ref }}',
    line: 14,
    message: /pass it as env/,
  },
  { what: 'a script that is not there', from: 'setup.sh', to: 'set-up.sh', line: 14, message: /no program/ },
  { what: 'an unknown runner', from: 'kvm]', to: 'kmv]', line: 8, message: /labelled kmv/ },
  { what: 'rights for forks', from: '[push]', to: 'pull_request_target', line: 1, message: /fork/ },
  { what: 'no YAML', from: 'name: good', to: 'name: [good', line: 2, message: /./ },
]) {
  test(`${what} is a problem`, () => {
    const broken = good.replace(from, to);
    expect(broken).not.toBe(good);
    expect(workflowProblems(broken)).toContainEqual({ line, message: expect.stringMatching(message) });
  });
}
