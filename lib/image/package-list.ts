import { readFile } from 'node:fs/promises';

import { type KernelPart, kernelParts } from './debian/kernel-set.js';

/** A line of packages.list: a package by name, or parts of the newest kernel of a series that is there as a whole. */
export type PackageRequest =
  { readonly name: string } | { readonly series: string; readonly parts: readonly KernelPart[] };

/**
 * Reads a packages.list: a name a line, `@kernel SERIES PART …` for parts of a kernel, `#` for comments.
 *
 * @throws TypeError for a line that is none of these
 */
export async function readPackageList(file: string): Promise<PackageRequest[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => (line.startsWith('@') ? kernelRequest(file, line) : { name: line }));
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
