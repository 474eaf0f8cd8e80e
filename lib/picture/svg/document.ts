import { stringify } from 'onml';
import { styleSheet } from '../theme/css.js';
import { contentWidth, size, space, width } from '../theme/styles.js';
import { sansBoldWidth, sansWidth, wrap } from './measure.js';
import { el, type SvgNode } from './node.js';
import { scope } from './scope.js';

/** What a picture draws between its title and its notes. The origin is the content's upper left corner. */
export interface Body {
  nodes: SvgNode[];
  /** px */
  height: number;
}

export interface Picture {
  title: string;
  /** One sentence under the title. */
  subtitle?: string;
  /** The text alternative: everything that the picture says, in words. Cut at 2000 characters. */
  description: string;
  body: Body;
  /** Small print: what was summarised, how to read patterns. */
  notes?: string[];
}

const LINE = 17;

/**
 * A whole SVG document of the natural width: self-contained (no script, no font, no reference outside), with its own background,
 * colours for light and dark pages, and a text alternative. Its classes and ids carry a prefix made from its content, so
 * that many of them can stand inline in one page.
 */
export function svgDocument(picture: Picture): string {
  const titleLines = wrap(picture.title, contentWidth, size.title, sansBoldWidth).slice(0, 2);
  const subtitleLines =
    picture.subtitle === undefined
      ? []
      : wrap(picture.subtitle, contentWidth, size.body, sansWidth).slice(0, 3);
  const noteLines = (picture.notes ?? []).flatMap((note) => wrap(note, contentWidth, size.small, sansWidth));

  const nodes: SvgNode[] = [];
  let y = space.margin;
  for (const line of titleLines) nodes.push(el('text', { class: 'title', x: 0, y: (y += 20) - 6 }, line));
  for (const line of subtitleLines)
    nodes.push(el('text', { class: 'subtitle', x: 0, y: (y += LINE) - 2 }, line));
  y += 3 * space.unit;
  nodes.push(el('g', { transform: `translate(0,${y})` }, ...picture.body.nodes));
  y += picture.body.height;
  if (noteLines.length > 0) y += 3 * space.unit;
  for (const line of noteLines) nodes.push(el('text', { class: 'note', x: 0, y: (y += LINE) - 4 }, line));
  const height = Math.ceil(y + space.margin - 4);

  const frame = el('rect', { class: 'surface', x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8 });
  const content = el('g', { transform: `translate(${space.margin},0)` }, ...nodes);
  const { prefix, classes, node } = scope(el('g', {}, ...patterns(), frame, content));

  return stringify(
    el(
      'svg',
      {
        xmlns: 'http://www.w3.org/2000/svg',
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-labelledby': `${prefix}-title ${prefix}-desc`,
      },
      el('title', { id: `${prefix}-title` }, picture.title),
      el('desc', { id: `${prefix}-desc` }, picture.description),
      ['style', {}, styleSheet(prefix, classes)],
      node,
    ),
  );
}

/** Patterns for what colour alone must not say: `hatch` for supervisor pages, `hatch-bad` for what offends. */
function patterns(): SvgNode[] {
  const pattern = (id: string, step: number, stroke: string): SvgNode =>
    el(
      'pattern',
      { id, width: step, height: step, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      el('path', { class: stroke, d: `M0,0V${step}` }),
    );
  return [el('defs', {}, pattern('hatch', 6, 'hatch-outline'), pattern('hatch-bad', 5, 'hatch-bad'))];
}
