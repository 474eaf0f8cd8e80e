import type { NestedStep, NestedWalk } from '../../paging/walk/nested.js';
import type { TableEntry } from '../../paging/entry.js';
import type { FaultedWalk, WalkStep } from '../../paging/walk/result.js';
import { PictureError } from '../picture-error.js';
import { svgDocument } from '../svg/document.js';
import { hex, hex64 } from '../svg/hex.js';
import { fit, monoWidth, sansBoldWidth } from '../svg/measure.js';
import { box, label } from '../svg/shapes.js';
import { size } from '../theme/styles.js';
import { addressStrip, indicesOf } from './address-strip.js';
import { faultRow, nestedPageRow } from './end-row.js';
import { findingsOf, unexpected, type Finding } from './findings.js';
import { ladder, type Row } from './ladder.js';
import type { NestedWalkDiagram } from './model.js';
import { CELL_HEIGHT, entryLetters, nestedCells } from './nested-cells.js';
import { BOX_WIDTH, BOX_X, NAME_X, notReachedRow, startRow } from './rows.js';
import { tellEnd, tellSteps } from './tell.js';

const HEAD = 42;
const FINDING = 20;
const RIGHT_X = 440;

/**
 * A two-dimensional walk: a row per level of the guest's own tables, and in it the walk of the second dimension (EPT, NPT)
 * by which that level's entry was reached; last the one for the page itself. Letters are what each entry permits. A fault
 * in either dimension is marked where it happened.
 */
export function nestedWalkPicture({
  title,
  subtitle,
  walk,
  expected = {},
  start,
}: NestedWalkDiagram): string {
  const origin = start ?? { label: 'guest root', value: walk.guest.root };
  const strip = addressStrip(walk.guest);
  const names = indicesOf(walk.guest.address, walk.guest.levels).map(
    ({ name, index }) => `${name}[${index}]`,
  );
  const rows = walk.nested.map((nested, index) => {
    const step = nested.purpose === 'table' ? walk.guest.steps[index] : undefined;
    const findings = step === undefined ? [] : findingsOf(step, walk.guest, expected);
    const name = nested.purpose === 'page' ? 'page' : (names[index] ?? '');
    return levelRow(name, nested, step, findings, walk.guest.mapped);
  });
  const { nodes, bottom } = ladder(
    [startRow(origin.label, origin.value), ...rows, ...missingRows(walk), endRow(walk)],
    strip.height + 14,
  );
  const { guest } = walk;
  const wrong = guest.mapped
    ? unexpected(guest.leaf, expected).map(({ text }) => `Not as expected: ${text}.`)
    : [];
  return svgDocument({
    title,
    ...(subtitle === undefined ? {} : { subtitle }),
    description: [
      walk.secondFault === undefined ? tellEnd(guest) : `${walk.secondFault.fault.message}.`,
      ...wrong,
      walk.physicalAddress === undefined ? '' : `Host-physical ${hex(walk.physicalAddress)}.`,
      `Guest: ${tellSteps(guest)}`,
      ...walk.nested.map((each) => `For guest-physical ${hex(each.guestPhysical)}: ${tellSteps(each.walk)}`),
    ].join(' '),
    body: { nodes: [...strip.nodes, ...nodes], height: bottom },
    notes: [
      `Small boxes: the second dimension (${walk.nested[0]?.walk.format ?? 'none'}), by which the guest-physical address above them was reached.`,
    ],
  });
}

/** The second dimension's walk for one guest-physical address, headed by the guest's entry there (or the page). */
function levelRow(
  name: string,
  nested: NestedStep<TableEntry>,
  step: WalkStep | undefined,
  findings: readonly Finding[],
  guestMapped: boolean,
): Row {
  const { walk, guestPhysical } = nested;
  const marked = findings.length > 0;
  const faulted = !walk.mapped || (marked && !guestMapped);
  const lines = (walk.mapped ? findings : faultOf(walk)).map(({ text }) => text);
  const height = HEAD + CELL_HEIGHT + 14 + lines.length * FINDING;
  const translated = walk.mapped ? `→ host-physical ${hex(walk.physicalAddress)}` : '→ no translation';
  const where = fit(
    `guest-physical ${hex(guestPhysical)} ${translated}`,
    BOX_WIDTH - 30,
    size.small,
    monoWidth,
  );
  return {
    nodes: [
      box('panel', BOX_X, 0, BOX_WIDTH, height - 6),
      ...(marked || !walk.mapped ? [box('mark', BOX_X, 0, BOX_WIDTH, height - 6)] : []),
      label('value', NAME_X, 17, name),
      ...(step === undefined
        ? []
        : [
            label('value', NAME_X + 116, 17, hex64(step.raw)),
            label('mono-strong', NAME_X + 286, 17, entryLetters(step.entry)),
            label('mono-small-muted', RIGHT_X, 17, leadsTo(step)),
          ]),
      label('mono-small-muted', NAME_X, 34, where),
      ...nestedCells(walk, HEAD),
      ...lines.map((text, index) =>
        label(
          'strong-bad',
          NAME_X,
          HEAD + CELL_HEIGHT + 18 + index * FINDING,
          fit(text, BOX_WIDTH - 22, size.body, sansBoldWidth),
        ),
      ),
    ],
    height,
    kind: faulted ? 'fault' : marked ? 'unexpected' : 'passed',
    stopY: 13,
  };
}

function leadsTo({ entry }: WalkStep): string {
  if (entry.address === undefined) return 'leads nowhere';
  return `→ guest-physical ${entry.kind === 'leaf' ? 'page' : 'table'} ${hex(entry.address)}`;
}

/** Why the second dimension has no translation: its last entry's fault, or that no entry could be read. */
function faultOf(walk: FaultedWalk): Finding[] {
  const last = walk.steps.at(-1);
  const findings = last === undefined ? [] : findingsOf(last, walk, {});
  return findings.length > 0 ? findings : [{ bits: 0n, text: walk.fault.reason }];
}

/** Levels of the guest's tables that were not reached, and the page. */
function missingRows({ guest, nested }: NestedWalk): Row[] {
  const names = indicesOf(guest.address, guest.levels).map(({ name, index }) => `${name}[${index}]`);
  const missing = guest.mapped ? [] : [...names.slice(nested.length), 'page'];
  return missing.map((name) => notReachedRow(name));
}

function endRow(walk: NestedWalk): Row {
  const { guest, secondFault, nested } = walk;
  if (secondFault !== undefined) {
    const { fault, format } = secondFault;
    return faultRow(`${fault.reason} at ${fault.name} of the second dimension (${format})`, fault.message);
  }
  if (!guest.mapped) {
    return faultRow(
      `${guest.fault.reason} at ${guest.fault.name} of the guest's tables`,
      guest.fault.message,
    );
  }
  const second = nested.at(-1)?.walk;
  // Neither dimension has a fault, so the last walk is that of the page.
  if (second?.mapped !== true) throw new PictureError('a nested walk without a fault does not end at a page');
  return nestedPageRow(guest, second);
}
