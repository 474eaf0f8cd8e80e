import {
  also,
  either,
  instance,
  listOf,
  oneOf,
  optional,
  type Rule,
  shape,
  text,
  whole,
} from '../../validate/index.js';
import { type Grade, grades, type KernelReport, type ReportKind, reportKinds } from './report.js';

/** Which reports are meant; what is given must all hold. At least one of the first four must be given. */
export interface ReportPattern {
  readonly kind?: ReportKind | readonly ReportKind[];
  readonly grade?: Grade;
  /** Contained in, or matching, the title. */
  readonly title?: string | RegExp;
  /** Contained in, or matching, the whole text. */
  readonly text?: string | RegExp;
  /** `expect` only: exactly so many reports; default: one or more. */
  readonly count?: number;
}

/** Whether the report is one that the pattern means. */
export function matchesPattern(report: KernelReport, pattern: ReportPattern): boolean {
  const { kind, grade, title, text } = pattern;
  const kinds = typeof kind === 'string' ? [kind] : kind;
  return (
    (kinds === undefined || kinds.includes(report.kind)) &&
    (grade === undefined || report.grade === grade) &&
    (title === undefined || holds(report.title, title)) &&
    (text === undefined || holds(report.text, text))
  );
}

const words: Rule<string | RegExp> = either(
  (value) => value instanceof RegExp,
  instance(RegExp, 'a pattern'),
  text(/\S/, 'a text, or a pattern'),
);

/** What a pattern must be: one that names nothing would match every report. */
export const reportPattern: Rule<ReportPattern> = also(
  shape<ReportPattern>({
    kind: optional(either(Array.isArray, listOf(oneOf(reportKinds)), oneOf(reportKinds))),
    grade: optional(oneOf(grades)),
    title: optional(words),
    text: optional(words),
    count: optional(whole(1)),
  }),
  ({ kind, grade, title, text }) => (kind ?? grade ?? title ?? text) !== undefined && kind?.length !== 0,
  'names nothing and would match every report: give it a kind, grade, title or text',
);

/** `kind dmar-fault, title /0x100000/`, for messages. */
export function describeReportPattern({ kind, grade, title, text, count }: ReportPattern): string {
  const kinds = typeof kind === 'string' ? kind : kind?.join(' or ');
  const parts = [
    kinds === undefined ? undefined : `kind ${kinds}`,
    grade === undefined ? undefined : `grade ${grade}`,
    title === undefined ? undefined : `title ${quote(title)}`,
    text === undefined ? undefined : `text ${quote(text)}`,
    count === undefined ? undefined : `${count} time(s)`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function holds(value: string, wanted: string | RegExp): boolean {
  if (typeof wanted === 'string') return value.includes(wanted);
  // A copy: a global expression would remember where it was.
  return new RegExp(wanted).test(value);
}

function quote(wanted: string | RegExp): string {
  return typeof wanted === 'string' ? `'${wanted}'` : String(wanted);
}
