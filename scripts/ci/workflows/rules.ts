import { accessSync, constants } from 'node:fs';
import path from 'node:path';

import { isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';

/** What is wrong with a workflow, and in which line. */
export interface Problem {
  readonly line: number;
  readonly message: string;
}

const root = path.resolve(import.meta.dirname, '../../..');

/** Labels of runners that jobs of this project run on. The linter knows those of its own time only. */
const runners = new Set(['ubuntu-24.04', 'self-hosted', 'linux', 'x64', 'kvm']);

/** An action at a commit, with the version that the commit is in a comment, where Dependabot keeps it up to date. */
const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/;

type Visit = (key: string, value: Node, say: (message: string) => void) => void;

/** This project's own rules for workflows, beside those of the linter. `runs` are looked up in the project's folder. */
export function workflowProblems(text: string): Problem[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const problems: Problem[] = document.errors.map(({ message, pos }) => ({
    line: lines.linePos(pos[0]).line,
    message,
  }));
  const sayAt =
    (node: Node) =>
    (message: string): void => {
      problems.push({ line: lines.linePos(node.range?.[0] ?? 0).line, message });
    };
  visit(document, {
    Pair(_, pair) {
      if (!isPair(pair) || !isScalar(pair.key)) return;
      const value = pair.value as Node | null;
      if (value) rules[String(pair.key.value)]?.(String(pair.key.value), value, sayAt(value));
    },
  });
  const says = (message: string): void => {
    problems.push({ line: 1, message });
  };
  const workflow = document.toJS() as Workflow | null;
  if (JSON.stringify(workflow?.permissions) !== '{"contents":"read"}') {
    says("the workflow's permissions must be 'contents: read' and nothing else");
  }
  const triggers = triggersOf(workflow);
  if (triggers.includes('pull_request_target')) {
    says("pull_request_target gives a fork's change this repository's rights");
  }
  // A workflow that is called is in its caller's group.
  if (!triggers.includes('workflow_call') && workflow?.concurrency === undefined) {
    says('the workflow has no concurrency group');
  }
  for (const [name, job] of Object.entries(workflow?.jobs ?? {})) {
    if (job.permissions !== undefined) says(`job ${name} asks for permissions of its own`);
    if (job.uses === undefined && job['timeout-minutes'] === undefined) says(`job ${name} has no timeout`);
  }
  return problems.sort((a, b) => a.line - b.line);
}

function triggersOf(workflow: Workflow | null): string[] {
  const on = workflow?.on ?? [];
  if (typeof on === 'string') return [on];
  return Array.isArray(on) ? on.map(String) : Object.keys(on);
}

interface Workflow {
  readonly on?: object | string;
  readonly permissions?: unknown;
  readonly concurrency?: unknown;
  readonly jobs?: Readonly<
    Record<string, { uses?: string; permissions?: unknown; 'timeout-minutes'?: number }>
  >;
}

const rules: Readonly<Record<string, Visit>> = {
  uses(_, value, say) {
    if (!isScalar(value) || String(value.value).startsWith('./')) return;
    if (!pinned.test(String(value.value))) say(`${String(value.value)} is not pinned by commit`);
    else if (!/^ v\d+\.\d+\.\d+$/.test(value.comment ?? '')) {
      say(`${String(value.value)} lacks a comment with the version that it is`);
    }
  },
  run(_, value, say) {
    const command = isScalar(value) ? String(value.value).trim() : '';
    if (command.includes('\n')) say('more than one line: make it a script in scripts/ci/');
    if (command.includes('${{')) say('an expression in a command is code of whoever sets it: pass it as env');
    const [program = ''] = command.split(/\s/);
    if (program.includes('/') && !isExecutable(path.join(root, program))) say(`${program} is no program`);
  },
  'runs-on'(_, value, say) {
    for (const label of labelsOf(value)) if (!runners.has(label)) say(`no runner is labelled ${label}`);
  },
  steps(_, value, say) {
    for (const step of value.toJSON() as { uses?: string; with?: Record<string, unknown> }[]) {
      if (step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false) {
        say("a checkout must have 'persist-credentials: false'");
      }
    }
  },
};

/** A label, a list of them, or the same as JSON for a workflow that is called. What is told by an expression is told where it is given. */
function labelsOf(node: Node): string[] {
  if (isSeq(node)) return node.toJSON().map(String);
  if (!isScalar(node)) return [];
  const text = String(node.value);
  if (text.startsWith('${{')) return [];
  return text.startsWith('[') ? (JSON.parse(text) as string[]) : [text];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
