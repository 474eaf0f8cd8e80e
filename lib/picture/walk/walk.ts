import { svgDocument } from '../svg/document.js';
import { hex64 } from '../svg/hex.js';
import { addressStrip } from './address-strip.js';
import { faultRow, pageRow } from './end-row.js';
import { findingsOf, unexpected } from './findings.js';
import { flagColumns, flagHeader } from './flags.js';
import { ladder } from './ladder.js';
import type { WalkDiagram } from './model.js';
import { missingRows, startRow, stepRow } from './rows.js';
import { tellEnd, tellSteps } from './tell.js';

/**
 * A walk level by level, from the root to the page or to the fault: the indices in the address, each entry with its place,
 * raw value and flags in columns (so that the AND over the levels is seen), levels that a fault left unreached, and at the
 * bottom the translation with leaf and effective rights. What offends is boxed, hatched and put in words.
 */
export function walkPicture({ title, subtitle, walk, expected = {}, start }: WalkDiagram): string {
  const origin = start ?? { label: 'root', value: walk.root };
  const steps = walk.steps.map((step) => ({ step, findings: findingsOf(step, walk, expected) }));
  const offending = steps.flatMap(({ findings }) => findings).reduce((mask, { bits }) => mask | bits, 0n);
  const columns = flagColumns(walk.steps, offending);
  const strip = addressStrip(walk);
  const { nodes, bottom } = ladder(
    [
      startRow(origin.label, origin.value, flagHeader(columns, 26)),
      ...steps.map(({ step, findings }) => stepRow(step, columns, findings, !walk.mapped)),
      ...missingRows(walk),
      walk.mapped
        ? pageRow(walk)
        : faultRow(`${walk.fault.reason} at ${walk.fault.name}`, walk.fault.message),
    ],
    strip.height + 14,
  );
  const wrong = walk.mapped
    ? unexpected(walk.leaf, expected).map(({ text }) => `Not as expected: ${text}.`)
    : [];
  return svgDocument({
    title,
    ...(subtitle === undefined ? {} : { subtitle }),
    description: [tellEnd(walk), ...wrong, `${origin.label} ${hex64(origin.value)}.`, tellSteps(walk)].join(
      ' ',
    ),
    body: { nodes: [...strip.nodes, ...nodes], height: bottom },
  });
}
