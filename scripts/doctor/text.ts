import { canRun, type Result } from './check.js';
import type { StackName } from './stacks.js';

const mark = { ready: 'ready   ', missing: 'MISSING ', optional: 'optional' } as const;

/** The findings for a terminal, each remedy under what it cures, and at the end what to do first. */
export function doctorText(stack: StackName, results: readonly Result[]): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  const lines = results.flatMap(({ name, finding }) => [
    `${mark[finding.state]}  ${name.padEnd(width)}  ${finding.seen}`,
    ...(finding.state === 'ready' ? [] : [`${' '.repeat(width + 12)}-> ${finding.remedy}`]),
  ]);
  const first = results.find(({ finding }) => finding.state === 'missing');
  return [
    `What the stack '${stack}' needs of this host:`,
    '',
    ...lines,
    '',
    canRun(results)
      ? `The stack '${stack}' can run here.`
      : `The stack '${stack}' cannot run here. Begin with '${first?.name ?? ''}': ${first?.finding.state === 'missing' ? first.finding.remedy : ''}`,
  ].join('\n');
}
