import type { Walk } from '../../paging/walk/result.js';
import { hex } from '../svg/hex.js';
import type { SvgNode } from '../svg/node.js';
import { box, label } from '../svg/shapes.js';
import { contentWidth } from '../theme/styles.js';

const NAMES = ['PT', 'PD', 'PDPT', 'PML4', 'PML5'];
const HEIGHT = 40;
const SPACE = 6;

/** A level of the tree: index of its entry in the table, and the lowest bit of the address that it covers. */
export interface LevelIndex {
  level: number;
  name: string;
  index: number;
  shift: number;
}

/** The indices that an address is made of, from the root down. */
export function indicesOf(address: bigint, levels: number): LevelIndex[] {
  return Array.from({ length: levels }, (_, position) => {
    const level = levels - position;
    const shift = 12 + 9 * (level - 1);
    return { level, name: NAMES[level - 1] ?? '', index: Number((address >> BigInt(shift)) & 0x1ffn), shift };
  });
}

/** The address cut into its table indices (those that the walk got to stand out) and the offset, with the bits of each. */
export function addressStrip(walk: Walk): { nodes: SvgNode[]; height: number } {
  const leaf = walk.mapped ? walk.leaf.level : 1;
  const parts = indicesOf(walk.address, walk.levels).filter(({ level }) => level >= leaf);
  const bottom = parts[parts.length - 1]?.shift ?? 12;
  const offset = walk.address & ((1n << BigInt(bottom)) - 1n);
  const cells = [
    ...parts.map(({ name, index, shift }) => ({ bits: `${shift + 8}:${shift}`, text: `${name} ${index}` })),
    { bits: `${bottom - 1}:0`, text: `offset ${hex(offset)}` },
  ];
  const width = (contentWidth - SPACE * (cells.length - 1)) / cells.length;
  const nodes = cells.flatMap(({ bits, text }, position) => {
    const x = position * (width + SPACE);
    const middle = x + width / 2;
    return [
      box(position < walk.steps.length ? 'box-accent' : 'box', x, 0.5, width, HEIGHT),
      label('bit', middle, 14, bits, 'middle'),
      label('mono-strong', middle, 31, text, 'middle'),
    ];
  });
  return { nodes, height: HEIGHT + 1 };
}
