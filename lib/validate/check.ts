import * as v from 'valibot';

import { UsageError } from '../errors.js';
import type { Rule } from './rules.js';

/**
 * The value, which is as the rule wants it.
 *
 * @param where what was called, or set: `mapDma`
 * @param name of the value there: `options`
 * @throws UsageError that says, in one line, of each part what it must be and what it is
 */
export function check<T>(where: string, name: string, rule: Rule<T>, value: unknown): T {
  const result = v.safeParse(rule, value, { abortPipeEarly: true });
  if (result.success) return result.output;
  const problems = result.issues.map(
    (issue) => `${[name, v.getDotPath(issue)].filter(Boolean).join('.')} ${issue.message}`,
  );
  throw new UsageError(`${where}: ${problems.join('; ')}.`.replace(/\?\.$/, '?'));
}
