import { readFile } from 'node:fs/promises';

import { type KernelPart, kernelParts } from './kernel-set.js';

/** What is asked for: a package by name, or parts of the newest kernel of a series that is there as a whole. */
export type PackageRequest =
  { readonly name: string } | { readonly series: string; readonly parts: readonly KernelPart[] };

/** What something is built from. */
export interface PackageList {
  readonly requests: readonly PackageRequest[];
  /** With all that they depend on, as if nothing were installed. */
  readonly closed: boolean;
}

/**
 * Reads a packages.list: a name a line, `@kernel SERIES PART …` for parts of a kernel, `@closed` where all that these depend on belongs to
 * it, `#` for comments.
 *
 * @throws TypeError for a line that is none of these
 */
export async function readPackageList(file: string): Promise<PackageList> {
  const lines = (await readFile(file, 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const requests = lines
    .filter((line) => line !== '@closed')
    .map((line) => (line.startsWith('@') ? kernelRequest(file, line) : { name: line }));
  return { requests, closed: lines.includes('@closed') };
}

function kernelRequest(file: string, line: string): PackageRequest {
  const [keyword, series, ...words] = line.split(/\s+/);
  const parts = kernelParts.filter((part) => words.includes(part));
  if (keyword !== '@kernel' || series === undefined || parts.length === 0 || parts.length !== words.length) {
    throw new TypeError(
      `${file}: '${line}' is not '@kernel SERIES PART …' with parts of ${kernelParts.join(', ')}.`,
    );
  }
  return { series, parts };
}
