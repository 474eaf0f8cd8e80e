import { also, optional, type Rule, shape, text } from '../validate/index.js';

/**
 * The lines that a kernel prints of a page, as templates. Each has `{address}`, the page's virtual address, and may have `{pte}`, its leaf
 * entry: before in the first, after in the last. Numbers are hexadecimal with `0x`. What is in square brackets may be missing. What stands
 * before a template in its line, such as `VFIO: `, is of no account.
 */
export interface LogTemplates {
  /** Printed before a page is changed. Default: there is no such line. */
  readonly begins?: string;
  /** Promised: printed once a page is changed. */
  readonly ends: string;
  /** Of a range that the kernel leaves as it is: `{start}`, `{end}`, `{reason}` and, if it is there, `{entry}`. */
  readonly leaves?: string;
}

/** One of a kernel's lines about a page. */
export interface LineGrammar {
  /** What such a line has and no other. */
  readonly marker: string;
  /** Whether it tells the entry. */
  readonly hasPte: boolean;
  /** Its first words, by which messages call it: `Successfully cleared`. */
  readonly called: string;
  readonly whole: RegExp;
  /** What is left of it when its end was cut off: the address is whole only if something follows it. */
  readonly cut: RegExp;
}

export interface LogGrammar {
  readonly begins: LineGrammar | undefined;
  readonly ends: LineGrammar;
  readonly leaves: LineGrammar | undefined;
}

const ofPage = template('{address}');
/** What a change's log is told by. */
export const logTemplates: Rule<LogTemplates> = shape<LogTemplates>({
  begins: optional(ofPage),
  ends: ofPage,
  leaves: optional(also(template('{start}'), (value) => value.includes('{end}'), 'has no {end}')),
});

function template(part: string): Rule<string> {
  return also(
    text(/\S/, `a line of the kernel's with ${part} in it`),
    // Words before it are what tells the line from others.
    (value) => value.split(part)[0] !== '' && value.includes(part),
    `has no ${part}, or no words before it`,
  );
}

const hexadecimal = (name: string): string => `0x(?<${name}>[0-9a-fA-F]{1,16})`;
const fields: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['address', 'pte', 'start', 'end', 'entry'].map((name) => [name, hexadecimal(name)])),
  reason: '(?<reason>[^()]{1,80})',
};

export function parseTemplates({ begins, ends, leaves }: LogTemplates): LogGrammar {
  return {
    begins: begins === undefined ? undefined : parseTemplate(begins),
    ends: parseTemplate(ends),
    leaves: leaves === undefined ? undefined : parseTemplate(leaves),
  };
}

function parseTemplate(line: string): LineGrammar {
  const [marker = ''] = line.split('{');
  const [, next = ''] = line.split('}');
  return {
    marker,
    hasPte: line.includes('{pte}'),
    called: /^[^_]*(?=\s)/.exec(marker)?.[0] ?? marker.trim(),
    whole: new RegExp(`${expression(line)}\\s*$`),
    cut: new RegExp(`${expression(line.slice(0, line.indexOf('}') + 1))}${escaped(next.slice(0, 1))}`),
  };
}

/** Of a template: literal text, `{fields}`, and `[what may be missing]`. */
function expression(line: string): string {
  return line
    .split(/(\{\w+\}|[[\]])/)
    .map((part) =>
      part === '['
        ? '(?:'
        : part === ']'
          ? ')?'
          : (fields[/^\{(\w+)\}$/.exec(part)?.[1] ?? ''] ?? escaped(part)),
    )
    .join('');
}

function escaped(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
