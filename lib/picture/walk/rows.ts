import type { BitField } from '../../paging/bit-field.js';
import type { Walk, WalkStep } from '../../paging/walk/result.js';
import { touches } from '../svg/bits.js';
import { hex, hex64 } from '../svg/hex.js';
import { fit, monoWidth, sansBoldWidth } from '../svg/measure.js';
import type { SvgNode } from '../svg/node.js';
import { box, label } from '../svg/shapes.js';
import { contentWidth, size } from '../theme/styles.js';
import { indicesOf } from './address-strip.js';
import type { Finding } from './findings.js';
import { flagCells } from './flags.js';
import type { Row } from './ladder.js';

const ROW = 46;
const SHORT_ROW = 34;
const FINDING = 20;
export const NAME_X = 30;
const RAW_X = 172;
/** Boxes begin a little before their text. */
export const BOX_X = NAME_X - 10;
export const BOX_WIDTH = contentWidth - BOX_X;

/** Where a walk starts: a register's name and value; `over` is drawn at its right. */
export function startRow(name: string, value: bigint, over: SvgNode[] = []): Row {
  return {
    nodes: [label('value', NAME_X, 17, name), label('value', RAW_X, 17, hex64(value)), ...over],
    height: SHORT_ROW,
    kind: 'passed',
    stopY: 12,
  };
}

/** What every entry has: a name, a place, a value, and where it leads; `right` is drawn beside them. */
export interface EntryText {
  name: string;
  address: bigint;
  raw: bigint;
  leadsTo: string;
}

/** One entry, and under it what is wrong with it, a line each. A fault ends the walk here. */
export function entryRow(
  text: EntryText,
  right: SvgNode[],
  findings: readonly Finding[],
  fault: boolean,
): Row {
  const height = ROW + findings.length * FINDING;
  return {
    nodes: [
      box('panel', BOX_X, 0, BOX_WIDTH, height - 6),
      ...(findings.length > 0 ? [box('mark', BOX_X, 0, BOX_WIDTH, height - 6)] : []),
      label('value', NAME_X, 17, text.name),
      label('mono-small-muted', NAME_X, 32, `at ${hex(text.address)}`),
      label('value', RAW_X, 17, hex64(text.raw)),
      label('mono-small-muted', RAW_X, 32, fit(text.leadsTo, 162, size.small, monoWidth)),
      ...right,
      ...findings.map((finding, index) => {
        const said = fit(finding.text, BOX_WIDTH - 22, size.body, sansBoldWidth);
        return label('strong-bad', NAME_X, ROW + 5 + index * FINDING, said);
      }),
    ],
    height,
    kind: findings.length === 0 ? 'passed' : fault ? 'fault' : 'unexpected',
    stopY: (ROW - 6) / 2,
  };
}

/** One level of tables, with its flags in columns. */
export function stepRow(
  step: WalkStep,
  columns: readonly BitField[],
  findings: readonly Finding[],
  fault: boolean,
): Row {
  const { entry, raw } = step;
  const offending = findings.reduce((mask, finding) => mask | finding.bits, 0n);
  const cells = columns.map((column) => {
    const field = entry.fields.find((each) => each.name === column.name);
    return field === undefined ? undefined : { set: touches(field, raw), offends: touches(field, offending) };
  });
  const text = {
    name: `${step.name}[${step.index}]`,
    address: step.entryAddress,
    raw,
    leadsTo: leadsTo(step),
  };
  return entryRow(text, flagCells(cells, 10), findings, fault);
}

function leadsTo({ entry }: WalkStep): string {
  if (entry.address === undefined) return 'leads nowhere';
  return entry.kind === 'leaf' ? `→ page ${hex(entry.address)}` : `→ table ${hex(entry.address)}`;
}

/** The level at which a walk ended without an entry, and those below it. */
export function missingRows(walk: Walk): Row[] {
  if (walk.mapped) return [];
  const { fault } = walk;
  return indicesOf(walk.address, walk.levels)
    .filter(({ level }) => level <= fault.level && walk.steps.every((step) => step.level !== level))
    .map(({ level, name, index }) => {
      if (level < fault.level) return notReachedRow(`${name}[${index}]`);
      const said =
        fault.reason === 'unreadable' ? `cannot be read at ${hex(fault.entryAddress)}` : fault.reason;
      return {
        nodes: [label('value', NAME_X, 17, `${name}[${index}]`), label('mono-bad', RAW_X, 17, said)],
        height: SHORT_ROW,
        kind: 'fault',
        stopY: 12,
      };
    });
}

/** A level behind a fault. */
export function notReachedRow(name: string): Row {
  return {
    nodes: [label('mono-muted', NAME_X, 17, name), label('mono-muted', RAW_X, 17, 'not reached')],
    height: SHORT_ROW,
    kind: 'not-reached',
    stopY: 12,
  };
}
