import { stringify } from 'onml';
import type { SvgNode } from './node.js';

const REFERENCE = /^url\(#([\w-]+)\)$/;

/**
 * Gives every class, id and reference in `tree` a prefix of its own, since a page has one name space for all the SVGs that
 * stand inline in it. The prefix is made from the content: pure, and different pictures get different ones.
 */
export function scope(tree: SvgNode): { prefix: string; classes: Set<string>; node: SvgNode } {
  const prefix = `pic-${hash(stringify(tree))}`;
  const classes = new Set<string>();

  function rename([tag, attributes, ...children]: SvgNode): SvgNode {
    const renamed: Record<string, string | number> = {};
    for (const [name, value] of Object.entries(attributes)) {
      if (name === 'class') {
        const names = String(value).split(' ');
        for (const each of names) classes.add(each);
        renamed[name] = names.map((each) => `${prefix}-${each}`).join(' ');
      } else if (name === 'id') {
        renamed[name] = `${prefix}-${value}`;
      } else {
        renamed[name] = typeof value === 'string' ? value.replace(REFERENCE, `url(#${prefix}-$1)`) : value;
      }
    }
    return [tag, renamed, ...children.map((child) => (typeof child === 'string' ? child : rename(child)))];
  }

  return { prefix, node: rename(tree), classes };
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo): short names from content; nothing depends on its strength. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(36);
}
