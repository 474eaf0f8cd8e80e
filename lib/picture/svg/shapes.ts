import type { StyleName } from '../theme/styles.js';
import { el, type SvgNode } from './node.js';

/** A text; `extra` adds its anchor (`end`, `middle`), or a `halo` where lines run behind it. */
export function label(
  style: StyleName,
  x: number,
  y: number,
  text: string,
  ...extra: ('end' | 'middle' | 'halo')[]
): SvgNode {
  return el('text', { class: [style, ...extra].join(' '), x, y }, text);
}

export function line(style: StyleName, x1: number, y1: number, x2: number, y2: number): SvgNode {
  return el('line', { class: style, x1, y1, x2, y2 });
}

export function box(
  style: StyleName,
  x: number,
  y: number,
  boxWidth: number,
  boxHeight: number,
  radius = 3,
): SvgNode {
  return el('rect', {
    class: style,
    x,
    y,
    width: Math.max(boxWidth, 0),
    height: Math.max(boxHeight, 0),
    rx: radius,
  });
}

/** A pattern laid over the same place as a `box`. */
export function hatch(
  pattern: 'hatch' | 'hatch-bad',
  x: number,
  y: number,
  boxWidth: number,
  boxHeight: number,
): SvgNode {
  return el('rect', {
    fill: `url(#${pattern})`,
    x,
    y,
    width: Math.max(boxWidth, 0),
    height: Math.max(boxHeight, 0),
    rx: 3,
  });
}

/** Anything drawn by `child` beyond the given place is cut off: for untrusted text, whose real width is unknown. */
export function clipped(
  x: number,
  y: number,
  clipWidth: number,
  clipHeight: number,
  child: SvgNode,
): SvgNode {
  return el('svg', { x, y, width: clipWidth, height: clipHeight }, child);
}
