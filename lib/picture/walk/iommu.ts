import type { IommuWalk, SourceId } from '../../paging/walk/iommu.js';
import { svgDocument } from '../svg/document.js';
import { hex, hex64 } from '../svg/hex.js';
import { label } from '../svg/shapes.js';
import { addressStrip } from './address-strip.js';
import { faultRow, pageRow } from './end-row.js';
import { findingsOf, unexpected, type Finding } from './findings.js';
import { flagColumns, flagHeader } from './flags.js';
import { ladder, type Row } from './ladder.js';
import type { IommuWalkDiagram } from './model.js';
import { entryRow, missingRows, startRow, stepRow } from './rows.js';
import { tellSteps } from './tell.js';

const DETAIL_X = 372;

/**
 * A device's access through VT-d, from RTADDR_REG down: root entry of the bus, context entry of the function, second-level
 * tables level by level, page or fault. Drawn as `walkPicture` draws a walk.
 */
export function iommuWalkPicture({ title, subtitle, walk, expected = {} }: IommuWalkDiagram): string {
  const { translation, fault } = walk;
  const steps = (translation?.steps ?? []).map((step) => ({
    step,
    findings: translation === undefined ? [] : findingsOf(step, translation, expected),
  }));
  const offending = steps.flatMap(({ findings }) => findings).reduce((mask, { bits }) => mask | bits, 0n);
  const columns = flagColumns(translation?.steps ?? [], offending);
  const strip = translation === undefined ? { nodes: [], height: 0 } : addressStrip(translation);
  const { nodes, bottom } = ladder(
    [
      startRow('RTADDR_REG', walk.rootTable.raw),
      ...tableRows(walk),
      ...steps.map(({ step, findings }, index) => {
        const row = stepRow(step, columns, findings, translation?.mapped === false);
        return index === 0 ? withHeader(row, flagHeader(columns, 8)) : row;
      }),
      ...(translation === undefined ? [] : missingRows(translation)),
      endRow(walk),
    ],
    strip.height === 0 ? 0 : strip.height + 14,
  );
  const wrong =
    translation?.mapped === true
      ? unexpected(translation.leaf, expected).map(({ text }) => `Not as expected: ${text}.`)
      : [];
  return svgDocument({
    title,
    subtitle: [subtitle, `device ${nameOf(walk.source)}, iova ${hex(walk.iova)}`]
      .filter((each) => each !== undefined)
      .join(' · '),
    description: [
      fault === undefined ? `Translates to ${hex(walk.physicalAddress ?? 0n)}.` : `${fault.message}.`,
      ...wrong,
      ...tellTables(walk),
      translation === undefined ? '' : tellSteps(translation),
    ].join(' '),
    body: { nodes: [...strip.nodes, ...nodes], height: bottom },
  });
}

/** Room for the flags' names above a row. */
function withHeader(row: Row, header: Row['nodes']): Row {
  const room = 14;
  const shifted: Row['nodes'][number] = ['g', { transform: `translate(0,${room})` }, ...row.nodes];
  return { ...row, nodes: [...header, shifted], height: row.height + room, stopY: row.stopY + room };
}

/** `00:02.0`, as lspci writes it. */
function nameOf({ bus, device, function: fn }: SourceId): string {
  const two = (value: number): string => value.toString(16).padStart(2, '0');
  return `${two(bus)}:${two(device)}.${fn}`;
}

function tableRows(walk: IommuWalk): Row[] {
  const { root, context, fault, source } = walk;
  const rows: Row[] = [];
  const findingsAt = (address: bigint): Finding[] =>
    fault?.entryAddress === address && fault.reason !== 'second-level' && fault.reason !== 'address-too-wide'
      ? [{ bits: 0n, text: fault.reason.endsWith('not-present') ? 'the entry is not present' : fault.reason }]
      : [];
  if (root !== undefined) {
    const { address, entry } = root;
    const leadsTo = entry.present ? `→ table ${hex(entry.contextTable)}` : 'leads nowhere';
    const text = { name: `root[${source.bus}]`, address, raw: entry.raw, leadsTo };
    rows.push(entryRow(text, detail(`bus ${source.bus}`), findingsAt(address), true));
  }
  if (context !== undefined) {
    const { address, entry } = context;
    const leadsTo = entry.present ? `→ table ${hex(entry.table)}` : 'leads nowhere';
    const text = {
      name: `context[${source.device * 8 + source.function}]`,
      address,
      raw: entry.raw,
      leadsTo,
    };
    const told = `domain ${entry.domain}, address width ${entry.addressWidth}${entry.levels === undefined ? '' : ` (${entry.levels} levels)`}, ${entry.translationType}`;
    rows.push(entryRow(text, entry.present ? detail(told) : [], findingsAt(address), true));
  }
  return rows;
}

function detail(text: string): Row['nodes'] {
  return [label('body', DETAIL_X, 17, text)];
}

function endRow(walk: IommuWalk): Row {
  if (walk.fault !== undefined) return faultRow(walk.fault.reason, walk.fault.message);
  if (walk.translation?.mapped === true) return pageRow(walk.translation);
  return { ...startRow('pass-through', walk.iova), stopY: 12 };
}

function tellTables({ root, context, rootTable }: IommuWalk): string[] {
  return [
    `RTADDR_REG is ${hex64(rootTable.raw)}.`,
    ...(root === undefined ? [] : [`Root entry at ${hex(root.address)} is ${hex64(root.entry.raw)}.`]),
    ...(context === undefined
      ? []
      : [
          `Context entry at ${hex(context.address)} is ${hex64(context.entry.raw)}, domain ${context.entry.domain}.`,
        ]),
  ];
}
