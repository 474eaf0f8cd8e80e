import type { Change, ChangeKind, ChangeSide } from '../../paging/diff/result.js';
import { formatBytes } from '../svg/bytes.js';
import { hex, hex64 } from '../svg/hex.js';
import { fit, monoWidth, sansWidth, wrap } from '../svg/measure.js';
import { el, type SvgNode } from '../svg/node.js';
import { box, label } from '../svg/shapes.js';
import { contentWidth, size, type StyleName } from '../theme/styles.js';

const LINE = 16;
const columns = { range: 96, before: 234, after: 402, what: 556 } as const;

const KINDS: Record<ChangeKind, { sign: string; box: StyleName; text: StyleName }> = {
  changed: { sign: '≠', box: 'box-warn', text: 'mono-small-warn' },
  mapped: { sign: '+', box: 'box-good', text: 'mono-small-good' },
  unmapped: { sign: '−', box: 'box-bad', text: 'mono-small-bad' },
};

/** One stretch of addresses: what happened (sign and word), where, both leaves with the digits that differ, bits by name. */
export function changeRow(change: Change, y: number): { nodes: SvgNode[]; height: number } {
  const { kind, start, end, pages, before, after } = change;
  const words = tellChange(change).map((each) =>
    wrap(each, contentWidth - columns.what, size.small, monoWidth),
  );
  const lines = words.flat();
  const height = Math.max(2, lines.length) * LINE + 12;
  const style = KINDS[kind];
  const base = y + 17;
  return {
    nodes: [
      box('panel', 0, y, contentWidth, height - 4),
      box(style.box, 6, y + 6, 82, 17),
      label(style.text, 47, y + 18.5, `${style.sign} ${kind}`, 'middle'),
      label('mono-strong', columns.range, base, hex(start)),
      label('note', columns.range, base + LINE, `${count(pages)} · ${formatBytes(end - start)}`),
      ...side(before, after, columns.before, base),
      label('body', columns.after - 18, base, '→'),
      ...side(after, before, columns.after, base),
      ...lines.map((text, index) => label('mono-small-strong', columns.what, base + index * LINE, text)),
    ],
    height,
  };
}

/** A leaf's value, digits that the other side has not underlined, and where it leads. */
function side(
  shown: ChangeSide | undefined,
  other: ChangeSide | undefined,
  x: number,
  base: number,
): SvgNode[] {
  if (shown === undefined) return [label('mono-muted', x, base, 'not mapped')];
  const digits = hex64(shown.raw);
  const others = other === undefined ? digits : hex64(other.raw);
  const spans = Array.from(digits, (digit, index) =>
    digit === others[index] ? el('tspan', {}, digit) : el('tspan', { class: 'digit-differs' }, digit),
  );
  const target = `→ ${hex(shown.physicalAddress)}`;
  return [
    el('text', { class: 'mono', x, y: base }, ...spans),
    label('mono-small-muted', x, base + LINE, fit(target, 165, size.small, monoWidth)),
  ];
}

/** What changed besides the kind, a line each. */
export function tellChange(change: Change): string[] {
  const { before, after } = change;
  const told = [...change.names];
  if (change.moved) told.push('other frame');
  if (change.resized && before !== undefined && after !== undefined) {
    told.push(`page size ${pageSize(before)} → ${pageSize(after)}`);
  }
  if (change.rightsChanged && change.names.length === 0) told.push('effective rights, by a higher level');
  return told;
}

function pageSize({ level }: ChangeSide): string {
  return formatBytes(1n << BigInt(12 + 9 * (level - 1)));
}

export function count(pages: number): string {
  return pages === 1 ? '1 page' : `${pages.toLocaleString('en')} pages`;
}

/** Headings over the columns. */
export function columnHeads(): SvgNode[] {
  const heads: [number, string][] = [
    [columns.range, 'addresses'],
    [columns.before, 'before'],
    [columns.after, 'after'],
    [columns.what, 'what changed: + set, - cleared'],
  ];
  return heads.map(([x, text]) => label('note', x, 10, fit(text, 260, size.small, sansWidth)));
}
