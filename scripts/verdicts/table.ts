import { namedFunction } from './named.js';
import type { RunResult } from './run.js';

/** What is known of one fault. */
export interface Verdict {
  readonly fault: string;
  readonly result: RunResult;
}

/** Shown of each fault: the checks that caught it, the first ones. */
const shown = 3;

/** The part of the table for one fault: caught or not, by which checks, and the first line of what each says. */
export function describeVerdict({ fault, result }: Verdict): string {
  const { caught, tests, problem } = result;
  const head = problem
    ? `NO RESULT  ${problem}`
    : caught.length > 0
      ? `caught${namedText(fault, result)}`
      : `SURVIVES  ${tests} tests passed`;
  return [
    `${fault.padEnd(22)} ${head}`,
    ...caught.slice(0, shown).flatMap(({ title, message }) => [`    by: ${title}`, `        ${message}`]),
    ...(caught.length > shown ? [`    and by ${caught.length - shown} more`] : []),
  ].join('\n');
}

function namedText(fault: string, result: RunResult): string {
  const { name, isRight } = namedFunction(fault, result);
  if (isRight === undefined) return '';
  return name === undefined ? ', NO FUNCTION NAMED' : `, named: ${name}${isRight ? '' : ', WRONG'}`;
}
