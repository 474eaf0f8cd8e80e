/** Page numbers for people, runs joined and a long list cut: `0-3, 7, 9-12 … (65,536 in all)`. */
export function pageList(pages: Iterable<number>, longest = 8): string {
  const runs: [number, number][] = [];
  let count = 0;
  for (const page of pages) {
    count += 1;
    const last = runs.at(-1);
    if (last?.[1] === page - 1) last[1] = page;
    else runs.push([page, page]);
  }
  const shown = runs.slice(0, longest).map(([from, to]) => (from === to ? String(from) : `${from}-${to}`));
  return `${shown.join(', ')}${runs.length > longest ? ` … (${count.toLocaleString('en')} in all)` : ''}`;
}

/**
 * Which pages of a mapping, in the words in which a defect is thought of: `all 4 pages`, `the last of 4 pages`.
 *
 * @param pages numbers from 0, ascending, at least one
 * @param total pages of the mapping
 */
export function whichPages(pages: readonly number[], total: number): string {
  const [first] = pages;
  const last = pages.at(-1);
  const count = pages.length;
  if (count === total) return total === 1 ? 'its one page' : `all ${total} pages`;
  if (count === 1 && first === 0) return `the first of ${total} pages`;
  if (count === 1 && first === total - 1) return `the last of ${total} pages`;
  if (count === total - 1 && first === 1) return `all but the first of ${total} pages`;
  if (count === total - 1 && last === total - 2) return `all but the last of ${total} pages`;
  for (const [parity, name] of [
    [0, 'even'],
    [1, 'odd'],
  ] as const) {
    const all = Math.floor((total + 1 - parity) / 2);
    if (count > 1 && count === all && pages.every((page) => page % 2 === parity))
      return `every ${name}-numbered page of ${total} (${pageList(pages, 4)})`;
  }
  return `${count} of ${total} pages (${pageList(pages)})`;
}
