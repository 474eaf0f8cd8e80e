import type { Fault } from '../../lib/image/faults.js';
import { named } from './named.js';
import type { RunResult } from './run.js';

/** Shown of each fault: the checks that caught it, the first ones. */
const shown = 3;

/** Whether a fault was caught, and told by its name. */
export function isRight(fault: Fault, result: RunResult): boolean {
  if (result.problem !== undefined || result.caught.length === 0) return false;
  const { isSaid, isWriterRight } = named(fault, result);
  return isSaid && isWriterRight !== false;
}

/** The part of the table for one fault: caught or not, by which checks, and the first line of what each says. */
export function describeVerdict(name: string, result: RunResult, fault?: Fault): string {
  const { caught, tests, problem } = result;
  const head = problem
    ? `NO RESULT  ${problem}`
    : caught.length > 0
      ? `caught${fault ? nameText(fault, result) : ''}`
      : `SURVIVES  ${tests} tests passed`;
  return [
    `${name.padEnd(22)} ${head}`,
    ...caught.slice(0, shown).flatMap(({ title, message }) => [`    by: ${title}`, `        ${message}`]),
    ...(caught.length > shown ? [`    and by ${caught.length - shown} more`] : []),
  ].join('\n');
}

function nameText(fault: Fault, result: RunResult): string {
  const { isSaid, writer, isWriterRight } = named(fault, result);
  const what = isSaid ? ', named' : `, NOT NAMED: nothing says ${String(fault.says)}`;
  if (isWriterRight === undefined) return what;
  return `${what}; writer: ${writer === undefined ? 'NONE' : `${writer}${isWriterRight ? '' : ', WRONG'}`}`;
}
