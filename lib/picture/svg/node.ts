import type { JsonMl } from 'onml';
import { escapeXml, visible } from './visible.js';

/** A piece of SVG whose text is escaped already. Made by `el` only, so that nothing can be forgotten. */
export type SvgNode = JsonMl;

export type Attributes = Record<string, string | number | undefined>;

/**
 * An element. Strings among the children are text: made visible and escaped here, once. Numbers are rounded to 1/100 px.
 * `class` takes names from the theme's table; `fill: 'url(#hatch)'` and the like take names from the document's patterns.
 */
export function el(tag: string, attributes: Attributes, ...children: (SvgNode | string)[]): SvgNode {
  const escaped: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    escaped[name] = typeof value === 'number' ? round(value) : escapeXml(visible(value));
  }
  return [
    tag,
    escaped,
    ...children.map((child) => (typeof child === 'string' ? escapeXml(visible(child)) : child)),
  ];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Nodes that share a place. */
export function at(x: number, y: number, ...children: SvgNode[]): SvgNode {
  return el('g', { transform: `translate(${round(x)},${round(y)})` }, ...children);
}
