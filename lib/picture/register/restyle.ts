import type { JsonMl } from 'onml';
import type { SvgNode } from '../svg/node.js';
import type { StyleName } from '../theme/styles.js';

/**
 * What `bit-field` drew, with the theme's classes in place of the fonts and colours that it writes into attributes: those
 * know no dark page. (It also copies names into an attribute without escaping them: only geometry is kept.)
 */
export function restyle(drawn: JsonMl): SvgNode {
  const [group] = elementsOf(drawn);
  const laneGroups = group === undefined ? [] : elementsOf(group);
  return [
    'g',
    { transform: 'translate(0.5,0.5)' },
    ...laneGroups.map((lane): SvgNode => {
      const [cage, texts] = elementsOf(lane);
      const [areas, bits, names, values] = texts === undefined ? [] : elementsOf(texts);
      const styled: [JsonMl | undefined, StyleName][] = [
        [areas, 'panel'],
        [cage, 'outline'],
        [bits, 'bit'],
        [names, 'bit-name'],
        [values, 'bit-value'],
      ];
      return withClass(
        [
          'g',
          attributesOf(lane),
          ...styled.flatMap(([each, style]) => (each === undefined ? [] : [withClass(each, style)])),
        ],
        undefined,
      );
    }),
  ];
}

const GEOMETRY = new Set(['x', 'y', 'x1', 'x2', 'y1', 'y2', 'width', 'height', 'transform', 'class']);

function withClass(node: JsonMl, style: StyleName | undefined): SvgNode {
  const attributes = Object.entries(attributesOf(node)).filter(([name]) => GEOMETRY.has(name));
  const leaf = node[0] === 'line' || node[0] === 'rect' || node[0] === 'text';
  const named =
    leaf && style !== undefined && !('class' in attributesOf(node))
      ? { class: node[0] === 'text' ? `${style} middle` : style }
      : {};
  const children = node
    .slice(1)
    .filter((each): each is JsonMl | string => Array.isArray(each) || typeof each === 'string');
  return [
    node[0],
    { ...Object.fromEntries(attributes), ...named },
    ...children.map((child) => (typeof child === 'string' ? child : withClass(child, style))),
  ];
}

/** JsonML may leave the attributes out. */
function attributesOf(node: JsonMl): Record<string, string | number> {
  const second: unknown = node[1];
  return typeof second === 'object' && !Array.isArray(second)
    ? (second as Record<string, string | number>)
    : {};
}

function elementsOf(node: JsonMl): JsonMl[] {
  return node.slice(1).filter((each): each is JsonMl => Array.isArray(each));
}
