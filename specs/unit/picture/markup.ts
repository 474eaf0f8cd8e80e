import { parse, type JsonMl } from 'onml';
import { monoWidth, sansWidth } from '../../../lib/picture/svg/measure.js';

/** Every element that a picture may consist of. */
export const TAGS = [
  ...['svg', 'title', 'desc', 'style', 'defs', 'pattern'],
  ...['g', 'rect', 'path', 'line', 'circle', 'text', 'tspan'],
];

/** What a picture draws, read back from its markup alone, with absolute coordinates. */
export interface Drawn {
  width: number;
  height: number;
  title: string;
  description: string;
  texts: DrawnText[];
  boxes: DrawnBox[];
  /** Every element and attribute name, every attribute value. */
  names: Set<string>;
  attributes: Set<string>;
  values: string[];
  style: string;
}

export interface Paint {
  light: string;
  dark: string;
}

export interface DrawnText {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
  px: number;
  paint: Paint;
  /** Clipped by the picture itself: its real width is unknown. */
  clipped: boolean;
}

export interface DrawnBox {
  classes: string[];
  left: number;
  top: number;
  right: number;
  bottom: number;
  paint: Paint | undefined;
  /** How many texts were drawn before it. */
  after: number;
}

interface Rule {
  fill?: string;
  px?: number;
  mono?: boolean;
  anchor?: string;
}

/** Parses strictly (throws if the markup is not well-formed) and lays the picture out. */
export function drawn(svg: string): Drawn {
  const root = parse(svg);
  const [, attributes, ...children] = root;
  const found: Drawn = {
    width: Number(attributes.width),
    height: Number(attributes.height),
    title: '',
    description: '',
    texts: [],
    boxes: [],
    names: new Set(),
    attributes: new Set(),
    values: [],
    style: '',
  };
  for (const child of children) {
    if (typeof child === 'string') continue;
    if (child[0] === 'title') found.title = textOf(child);
    if (child[0] === 'desc') found.description = textOf(child);
    if (child[0] === 'style') found.style = textOf(child);
  }
  const light = rulesOf(found.style.slice(0, found.style.indexOf('@media')));
  const dark = rulesOf(found.style.slice(found.style.indexOf('@media')));

  const visit = (node: JsonMl, x: number, y: number, inherited: string[], clipped: boolean): void => {
    const [tag, own, ...rest] = node;
    found.names.add(tag);
    for (const [name, value] of Object.entries(own)) {
      found.attributes.add(name);
      found.values.push(String(value));
    }
    if (tag === 'defs' || tag === 'title' || tag === 'desc' || tag === 'style') return;
    const [, shiftX = '0', shiftY = '0'] =
      /^translate\(([-\d.]+)(?:,([-\d.]+))?\)$/.exec(String(own.transform)) ?? [];
    const nested = tag === 'svg' && node !== root;
    const left = x + Number(shiftX) + (nested ? Number(own.x) : 0);
    const top = y + Number(shiftY) + (nested ? Number(own.y) : 0);
    const classes = own.class === undefined ? inherited : String(own.class).split(' ');
    if (tag === 'text') {
      const rules = classes.map((name) => ({ ...light.get(name) }));
      const darkRules = classes.map((name) => ({ ...dark.get(name) }));
      const rule: Rule = Object.assign({}, ...rules) as Rule;
      const darkRule: Rule = Object.assign({}, ...darkRules) as Rule;
      const text = textOf(node);
      const px = rule.px ?? 0;
      const width = (rule.mono === true ? monoWidth : sansWidth)(text, px) * 0.95;
      const anchor = rule.anchor === 'end' ? width : rule.anchor === 'middle' ? width / 2 : 0;
      const at = left + Number(own.x ?? 0) - anchor;
      const base = top + Number(own.y ?? 0);
      found.texts.push({
        text,
        left: at,
        right: at + width,
        top: base - px * 0.72,
        bottom: base + px * 0.1,
        px,
        paint: { light: rule.fill ?? '', dark: darkRule.fill ?? '' },
        clipped: clipped || nested,
      });
      return;
    }
    if (tag === 'rect') {
      const lightFill = classes.map((name) => light.get(name)?.fill).find((fill) => fill !== undefined);
      const darkFill = classes.map((name) => dark.get(name)?.fill).find((fill) => fill !== undefined);
      const at = left + Number(own.x ?? 0);
      const from = top + Number(own.y ?? 0);
      found.boxes.push({
        classes,
        left: at,
        top: from,
        right: at + Number(own.width),
        bottom: from + Number(own.height),
        paint:
          own.fill !== undefined || lightFill === undefined || lightFill === 'none'
            ? undefined
            : { light: lightFill, dark: darkFill ?? '' },
        after: found.texts.length,
      });
    }
    for (const child of rest) {
      if (typeof child !== 'string') visit(child, left, top, classes, clipped || nested);
    }
  };
  visit(root, 0, 0, [], false);
  return found;
}

function textOf([, , ...children]: JsonMl): string {
  return children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

function rulesOf(css: string): Map<string, Rule> {
  const rules = new Map<string, Rule>();
  for (const [, name = '', body = ''] of css.matchAll(/\.([\w-]+)\{([^}]*)\}/g)) {
    const rule: Rule = {};
    const fill = /(?:^|;)fill:([^;]+)/.exec(body)?.[1];
    const px = /font:\d+ (\d+)px/.exec(body)?.[1];
    const anchor = /text-anchor:(\w+)/.exec(body)?.[1];
    if (fill !== undefined) rule.fill = fill;
    if (anchor !== undefined) rule.anchor = anchor;
    if (px !== undefined) {
      rule.px = Number(px);
      rule.mono = body.includes('monospace');
    }
    rules.set(name, rule);
  }
  return rules;
}

/** WCAG 2.2 contrast ratio of two `#rrggbb` colours, 1 to 21. */
export function contrast(one: string, other: string): number {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return ((lighter ?? 0) + 0.05) / ((darker ?? 0) + 0.05);
}

function luminance(colour: string): number {
  const match = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/.exec(colour);
  if (match === null) throw new Error(`not a colour: '${colour}'`);
  const [red = 0, green = 0, blue = 0] = match.slice(1).map((hex) => {
    const channel = parseInt(hex, 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
