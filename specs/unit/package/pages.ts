import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../../..');

/** The documentation's pages, by their path in the project. */
export const pages: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'images/l2/README.md', 'images/small-kernel/README.md'],
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join('docs', name))
    .sort(),
];

export function textOf(page: string): string {
  return readFileSync(path.join(root, page), 'utf8');
}

export interface CodeBlock {
  readonly page: string;
  readonly language: string;
  readonly text: string;
  /** What its test fails by, where the page says that it does: in a comment, `<!-- fails: MESSAGE -->`, before it. */
  readonly fails: string | undefined;
}

export function blocksOf(page: string): CodeBlock[] {
  return [...textOf(page).matchAll(/(?:^<!-- fails: ([^\n]*) -->\n\n)?^( *)```(\w*)\n(.*?)^\2```$/gms)].map(
    ([, fails, indent = '', language = '', text = '']) => ({
      page,
      language,
      fails,
      text: text.replace(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

/** What a page has between backticks outside of its blocks. */
export function spansOf(page: string): string[] {
  const prose = textOf(page).replace(/^( *)```.*?^\1```$/gms, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
}

/** Where a page's links lead, as paths in the project. */
export function linksOf(page: string): string[] {
  return [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) =>
    path.posix.join(path.posix.dirname(page), link),
  );
}
