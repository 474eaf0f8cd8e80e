import type { Colour } from './palette.js';

/** The type scale, in px at a picture's natural width. Nothing is smaller than `small` but the bit numbers. */
export const size = { title: 17, heading: 13, body: 12, small: 11, bit: 10 } as const;

/** Spacing in px. */
export const space = { unit: 4, margin: 16 } as const;

/**
 * Natural width of every picture in px. Playwright's HTML report shows an attached image at no more than 754 px (80 % of its
 * column), so that this type scale comes out at nine tenths there.
 */
export const width = 828;
export const contentWidth = width - 2 * space.margin;

const SANS = `system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif`;
const MONO = `ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace`;

export interface Style {
  fill?: Colour | 'none';
  stroke?: Colour;
  css?: string;
}

const sans = (px: number, weight = 400): string => `font:${weight} ${px}px ${SANS}`;
const mono = (px: number, weight = 400): string => `font:${weight} ${px}px ${MONO};white-space:pre`;

/** Every class that a picture may use. Texts name their font and colour; shapes their fill and outline. */
export const styles = {
  title: { fill: 'ink', css: sans(size.title, 600) },
  subtitle: { fill: 'muted', css: sans(size.body) },
  heading: { fill: 'ink', css: sans(size.heading, 600) },
  body: { fill: 'ink', css: sans(size.body) },
  note: { fill: 'muted', css: sans(size.small) },
  strong: { fill: 'ink', css: sans(size.body, 600) },
  'strong-bad': { fill: 'bad', css: sans(size.body, 600) },
  'strong-good': { fill: 'good', css: sans(size.body, 600) },
  'strong-warn': { fill: 'warn', css: sans(size.body, 600) },
  value: { fill: 'ink', css: mono(size.heading, 600) },
  mono: { fill: 'ink', css: mono(size.body) },
  'mono-strong': { fill: 'ink', css: mono(size.body, 600) },
  'mono-bad': { fill: 'bad', css: mono(size.body, 600) },
  'mono-good': { fill: 'good', css: mono(size.body, 600) },
  'mono-warn': { fill: 'warn', css: mono(size.body, 600) },
  'mono-accent': { fill: 'accent', css: mono(size.body, 600) },
  'mono-muted': { fill: 'muted', css: mono(size.body) },
  'mono-small': { fill: 'ink', css: mono(size.small) },
  'mono-small-strong': { fill: 'ink', css: mono(size.small, 600) },
  'mono-small-muted': { fill: 'muted', css: mono(size.small) },
  'mono-small-warn': { fill: 'warn', css: mono(size.small, 600) },
  'mono-small-good': { fill: 'good', css: mono(size.small, 600) },
  'mono-small-bad': { fill: 'bad', css: mono(size.small, 600) },
  bit: { fill: 'muted', css: mono(size.bit) },
  'bit-name': { fill: 'ink', css: mono(size.bit, 600) },
  'bit-value': { fill: 'ink', css: mono(size.bit) },
  'digit-differs': { fill: 'bad', css: 'font-weight:700;text-decoration:underline' },
  /** Over grid lines: the surface shows around the letters. */
  halo: { stroke: 'surface', css: 'paint-order:stroke;stroke-width:4px;stroke-linejoin:round' },
  end: { css: 'text-anchor:end' },
  middle: { css: 'text-anchor:middle' },

  surface: { fill: 'surface', stroke: 'rule' },
  panel: { fill: 'panel' },
  rule: { fill: 'none', stroke: 'rule' },
  outline: { fill: 'none', stroke: 'outline' },
  dashed: { fill: 'none', stroke: 'outline', css: 'stroke-dasharray:3 3' },
  path: { fill: 'none', stroke: 'accent', css: 'stroke-width:1.5' },
  'path-head': { fill: 'accent' },
  'bad-dashed': { fill: 'none', stroke: 'bad', css: 'stroke-dasharray:4 3' },
  mark: { fill: 'none', stroke: 'bad', css: 'stroke-width:2' },
  'mark-fill': { fill: 'badSurface', stroke: 'bad', css: 'stroke-width:1.5' },
  'bad-dot': { fill: 'bad' },
  'hatch-outline': { fill: 'none', stroke: 'outline', css: 'stroke-width:1.2' },
  'hatch-bad': { fill: 'none', stroke: 'bad', css: 'stroke-width:1.2;stroke-opacity:.55' },
  box: { fill: 'panel', stroke: 'outline' },
  'box-accent': { fill: 'accentSurface', stroke: 'accent' },
  'box-good': { fill: 'goodSurface', stroke: 'good' },
  'box-warn': { fill: 'warnSurface', stroke: 'warn' },
  'box-bad': { fill: 'badSurface', stroke: 'bad' },
  'area-address': { fill: 'accentSurface' },
  'area-read': { fill: 'read', stroke: 'outline' },
  'area-write': { fill: 'write', stroke: 'outline' },
  'area-execute': { fill: 'execute', stroke: 'outline' },
  'area-write-execute': { fill: 'writeExecute', stroke: 'outline' },
} as const satisfies Record<string, Style>;

export type StyleName = keyof typeof styles;
