import { ANNOUNCEMENTS } from './rules/announcements.js';
import { FATAL_RULES } from './rules/fatal.js';
import { LOCKUP_RULES } from './rules/lockups.js';
import { OTHER_RULES } from './rules/others.js';
import { SANITIZER_RULES } from './rules/sanitizers.js';
import { WARNING_RULES } from './rules/warnings.js';
import type { ReportRule } from './rule.js';

/** All rules; the first that matches a line counts, so the exact ones come before the general. */
const RULES: readonly ReportRule[] = [
  ...ANNOUNCEMENTS,
  ...SANITIZER_RULES,
  ...LOCKUP_RULES,
  ...WARNING_RULES,
  ...OTHER_RULES,
  ...FATAL_RULES,
];

/** What all the rules' lines have in common with few others: a cheap test before the dear ones. */
const PROMISING =
  /BUG|WARNING|INFO: |DMAR: |panic|PANIC|\[#|cut here|^=====|LOCKUP|UBSAN|list_|refcount_t|taint|oom-killer|Corrupted page table|Unable to handle|AMD-Vi|exploit attempt|SMEP|Out of memory|Oops/;

/** The rule that this line opens, and its match. */
export function ruleFor(
  line: string,
): { readonly rule: ReportRule; readonly match: RegExpExecArray } | undefined {
  if (!PROMISING.test(line)) return undefined;
  for (const rule of RULES) {
    const match = rule.opens.exec(line);
    if (match !== null) return { rule, match };
  }
  return undefined;
}
