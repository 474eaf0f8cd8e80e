import type { FormatName } from '../../paging/entry.js';
import type { Rights } from '../../paging/rights.js';
import type { SvgNode } from '../svg/node.js';
import { box, hatch, label } from '../svg/shapes.js';
import type { StyleName } from '../theme/styles.js';

/** A place that may be accessed like this: colour by write and execute, hatched if user mode is kept out. */
export function area(rights: Rights, x: number, y: number, width: number, height: number): SvgNode[] {
  const nodes = [box(areaStyle(rights), x, y, width, height, 2)];
  if (!rights.user) nodes.push(hatch('hatch', x, y, width, height));
  return nodes;
}

function areaStyle(rights: Rights): StyleName {
  if (rights.write) return rights.execute ? 'area-write-execute' : 'area-write';
  return rights.execute ? 'area-execute' : 'area-read';
}

const base = { read: true, write: false, execute: false, user: true, userExecute: false };
const KEY: [Rights, string][] = [
  [base, 'r: read only'],
  [{ ...base, write: true }, 'rw: writable'],
  [{ ...base, execute: true, userExecute: true }, 'rx: executable'],
  [{ ...base, write: true, execute: true, userExecute: true }, 'rwx: both'],
  [{ ...base, user: false }, 'hatched, no u: supervisor only'],
];

/** The key to `area`, on one line of `KEY_HEIGHT` px. */
export function rightsKey(format: FormatName): SvgNode[] {
  const hasUserMode = format === 'x86' || format === 'npt';
  return KEY.slice(0, hasUserMode ? 5 : 4).flatMap(([rights, text], index) => [
    ...area(rights, index * 138, 0, 22, 12),
    label('note', index * 138 + 29, 10, text),
  ]);
}

export const KEY_HEIGHT = 28;
