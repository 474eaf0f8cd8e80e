import { palette } from './palette.js';
import { styles, type Style } from './styles.js';

type Scheme = 'light' | 'dark';

/**
 * The style sheet for the classes in `names`, each written as `.<prefix>-<name>`. Colours are written out instead of
 * going through custom properties: viewers outside browsers (librsvg, Inkscape) know none.
 */
export function styleSheet(prefix: string, names: Iterable<string>): string {
  const used = [...names].sort().map((name) => ({ selector: `.${prefix}-${name}`, style: styleOf(name) }));
  const fixed = used.map(({ selector, style }) => rule(selector, [style.css, ...colours(style, 'light')]));
  const dark = used.map(({ selector, style }) => rule(selector, colours(style, 'dark')));
  return `${fixed.join('')}@media (prefers-color-scheme:dark){${dark.join('')}}`;
}

function styleOf(name: string): Style {
  const style = (styles as Record<string, Style>)[name];
  if (style === undefined)
    throw new TypeError(`no style is called '${name}': see lib/picture/theme/styles.ts`);
  return style;
}

function colours(style: Style, scheme: Scheme): string[] {
  const declarations: string[] = [];
  if (style.fill !== undefined) {
    declarations.push(`fill:${style.fill === 'none' ? 'none' : palette[style.fill][scheme]}`);
  }
  if (style.stroke !== undefined) declarations.push(`stroke:${palette[style.stroke][scheme]}`);
  return declarations;
}

function rule(selector: string, declarations: (string | undefined)[]): string {
  const body = declarations.filter((each) => each !== undefined).join(';');
  return body === '' ? '' : `${selector}{${body}}`;
}
