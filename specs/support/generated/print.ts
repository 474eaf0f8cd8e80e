import { format, resolveConfig } from 'prettier';

import { hugetlbPool } from './plan.js';
import type { Alloc, MapStep, Step } from './steps.js';

/** Code of a spec, with names from steps. */
export interface Check {
  /** Lines that stand before the last step. */
  readonly before: readonly string[];
  /** Lines that stand after it, the last of which fails; none if the step itself fails. */
  readonly after: readonly string[];
}

const size = (pages: number): string => (pages === 1 ? '4096n' : `${pages}n * 4096n`);
const offset = (page: number): string => (page === 0 ? '' : ` + ${size(page)}`);
const start = (buffer: string, page: number): string => `${buffer}.address${offset(page)}`;

/** A part of a buffer as an expression. */
export function partText(buffer: string, first: number, pages: number): string {
  return `{ address: ${start(buffer, first)}, size: ${size(pages)} }`;
}

/**
 * A sequence as a spec file, to be pasted into `specs/vfio`.
 *
 * @param steps with all that each needs before it
 */
export async function printSpec(steps: readonly Step[], check: Check, title: string): Promise<string> {
  const allocs = new Map<string, Alloc>();
  for (const step of steps) if (step.do === 'alloc') allocs.set(step.buffer, step);
  const lines = steps.map((step) => stepLines(step, allocs));
  const body = [
    ...(steps.some((step) => step.do === 'alloc' && step.kind === 'hugetlb')
      ? [`await guest.succeed(['sh', '-c', 'echo ${hugetlbPool} > /proc/sys/vm/nr_hugepages']);`]
      : []),
    'const parent = await vfio.process();',
    ...lines.slice(0, -1).flat(),
    ...check.before,
    ...(lines.at(-1) ?? []),
    ...check.after,
  ].join('\n');
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(body);
  const fixtures = ['vfio', 'kernelLog', 'guest'].filter(uses);
  const text = [
    `import { ${uses('expect') ? 'expect, ' : ''}test } from '../../fixtures/index.js';`,
    ...(uses('readHoldings') ? [`import { readHoldings } from '../../lib/guest/vfio/pins.js';`] : []),
    ...(uses('expectUnreachable') ? [`import { expectUnreachable } from './mappings/agreement.js';`] : []),
    '',
    `test('${title}', async ({ ${fixtures.join(', ')} }) => {`,
    withUsedNames(body),
    '});',
  ].join('\n');
  return await format(renumbered(text), {
    ...(await resolveConfig(import.meta.filename)),
    parser: 'typescript',
  });
}

function stepLines(step: Step, allocs: ReadonlyMap<string, Alloc>): string[] {
  switch (step.do) {
    case 'alloc':
      return allocLines(step);
    case 'fork':
      return [`const ${step.child} = await parent.fork();`];
    case 'unmap':
      return [`await ${step.mapping}.unmap();`];
    case 'map':
      return [`const ${step.mapping} = await ${step.process}.mapDma(${mapOptions(step, allocs)});`];
  }
}

function allocLines({ buffer, process, kind, pages, filled }: Alloc): string[] {
  const range = `address: ${buffer}.address, size: ${size(pages)}`;
  const fill = filled
    ? [`await ${process}.request('fill', { ${range}, value: ${fillValue(buffer)}n });`]
    : [];
  const alloc = (options: string): string =>
    `const ${buffer} = await ${process}.alloc({ pages: ${options} });`;
  switch (kind) {
    case 'anonymous':
      return [alloc(`${pages}`), ...fill];
    case 'file':
      return [alloc(`${pages}, kind: 'file', path: '/dev/shm/${buffer}'`), ...fill];
    case 'read':
      return [
        alloc(`${pages}, populate: false`),
        `await ${process}.request('madvise', { ${range}, advice: 'populateRead' });`,
      ];
    case 'split':
      return [
        alloc(`512, kind: 'thp'`),
        `await ${process}.request('free', { address: ${start(buffer, 511)}, size: 4096n });`,
        ...fill,
      ];
    default:
      return [alloc(`${pages}, kind: '${kind}'`), ...fill];
  }
}

/** What the first page of a buffer is filled with: each page of each buffer gets a value of its own. */
export function fillValue(buffer: string): number {
  return Number(/\d+$/.exec(buffer)?.[0] ?? 0) * 0x10_0000;
}

function mapOptions(
  { buffer, first, pages, iova, write, thread }: MapStep,
  allocs: ReadonlyMap<string, Alloc>,
): string {
  const alloc = allocs.get(buffer);
  const isWhole = first === 0 && pages === alloc?.pages && alloc.kind !== 'split';
  return `{ ${[
    `pages: ${pages}`,
    isWhole ? `buffer: ${buffer}` : `buffer: ${partText(buffer, first, pages)}`,
    ...(iova === undefined ? [] : [`iova: 0x${iova.toString(16)}n`]),
    ...(write ? [] : ['write: false']),
    ...(thread ? ['thread: true'] : []),
  ].join(', ')} }`;
}

/** A result that nobody uses gets no name. */
function withUsedNames(body: string): string {
  return body.replace(/^const (\w+) = (await .*)$/gm, (line, name: string, rest: string) =>
    [...body.matchAll(new RegExp(`(?<!/)\\b${name}\\b`, 'g'))].length > 1 ? line : rest,
  );
}

/** `buffer7`, `buffer12` become `buffer1`, `buffer2`. */
function renumbered(text: string): string {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  return text.replace(/\b(buffer|mapping|child)\d+\b/g, (name, what: string) => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    names.set(name, `${what}${count}`);
    return `${what}${count}`;
  });
}
