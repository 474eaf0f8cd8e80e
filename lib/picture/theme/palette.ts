/**
 * Every colour of every picture, by role, for light and dark pages. Texts reach a contrast of 4.5 : 1 on each surface that
 * they are set on (WCAG 2.2, 1.4.3), outlines that carry meaning 3 : 1 (1.4.11); the specs compute both.
 *
 * No meaning is carried by colour alone: a permission also has its letters, supervisor pages are hatched, what offends is
 * outlined thickly, hatched and named.
 */
export const palette = {
  /** The picture's own background: opaque, since the page behind an image is not known. */
  surface: { light: '#ffffff', dark: '#0d1117' },
  /** Rows, boxes. */
  panel: { light: '#f4f6f8', dark: '#171c23' },
  /** Rules and grid lines, which carry no meaning. */
  rule: { light: '#d5dae0', dark: '#30363d' },
  /** Outlines and patterns that carry meaning. */
  outline: { light: '#6a737d', dark: '#8b949e' },
  ink: { light: '#1c2127', dark: '#e8edf2' },
  muted: { light: '#57606a', dark: '#a1aab4' },
  accent: { light: '#0b57a4', dark: '#7cc0ff' },
  accentSurface: { light: '#dcebfb', dark: '#12304d' },
  bad: { light: '#b42318', dark: '#ff9a8f' },
  badSurface: { light: '#fde7e4', dark: '#451a17' },
  good: { light: '#0f6b3a', dark: '#6fdd93' },
  goodSurface: { light: '#daf3e3', dark: '#113322' },
  warn: { light: '#7f4b00', dark: '#f0b957' },
  warnSurface: { light: '#fdf0d0', dark: '#3b2a0b' },
  /** Surfaces of an address space, by what may be done there. */
  read: { light: '#dde2e8', dark: '#363d46' },
  write: { light: '#bfe6da', dark: '#124a40' },
  execute: { light: '#cbd8fb', dark: '#263b78' },
  writeExecute: { light: '#ffd2c4', dark: '#74301c' },
} as const satisfies Record<string, { light: string; dark: string }>;

export type Colour = keyof typeof palette;
