import { visible } from './visible.js';

/**
 * Width of one cell of a monospaced font, in em. DejaVu Sans Mono, Menlo and Liberation Mono have 0.602, SF Mono 0.618,
 * Consolas 0.55: the widest that is common, so that a text never outgrows the place that was reserved for it.
 */
const MONO_CELL = 0.62;
/** Mean width of a character of a proportional interface font, in em, rounded up (DejaVu Sans, the widest common one). */
const SANS_MEAN = 0.55;

/** The same for its bold face. */
const SANS_BOLD_MEAN = 0.62;

/** East Asian wide characters and emoji take two cells. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f000}-\u{3fffd}]/u;

function cells(text: string): number {
  let count = 0;
  for (const character of text) count += WIDE.test(character) ? 2 : 1;
  return count;
}

/** Width in px that `text` takes at most, set in the theme's monospaced font. */
export function monoWidth(text: string, fontSize: number): number {
  return cells(visible(text)) * fontSize * MONO_CELL;
}

/** Width in px that `text` takes, about, set in the theme's proportional font. */
export function sansWidth(text: string, fontSize: number): number {
  return cells(visible(text)) * fontSize * SANS_MEAN;
}

/** Width in px that `text` takes, about, set in the bold face of the theme's proportional font. */
export function sansBoldWidth(text: string, fontSize: number): number {
  return cells(visible(text)) * fontSize * SANS_BOLD_MEAN;
}

/** `text` cut to `width` px with an ellipsis; whole characters only. `measure` is one of the functions above. */
export function fit(text: string, width: number, fontSize: number, measure: typeof monoWidth): string {
  const shown = visible(text);
  if (measure(shown, fontSize) <= width) return shown;
  let kept = '';
  for (const character of shown) {
    if (measure(`${kept}${character}…`, fontSize) > width) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** `text` broken at spaces into lines of at most `width` px; a single word that is longer is cut. */
export function wrap(text: string, width: number, fontSize: number, measure: typeof monoWidth): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of visible(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || measure(longer, fontSize) <= width) {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line);
  return lines.map((each) => fit(each, width, fontSize, measure));
}
