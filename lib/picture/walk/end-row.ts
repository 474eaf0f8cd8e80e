import type { FormatName } from '../../paging/entry.js';
import type { Rights } from '../../paging/rights.js';
import type { MappedWalk } from '../../paging/walk/result.js';
import { formatBytes } from '../svg/bytes.js';
import { hex } from '../svg/hex.js';
import { letters } from '../svg/letters.js';
import { sansWidth, wrap } from '../svg/measure.js';
import { box, label } from '../svg/shapes.js';
import { contentWidth, size } from '../theme/styles.js';
import type { Row } from './ladder.js';
import { BOX_WIDTH, BOX_X, NAME_X } from './rows.js';

const HEIGHT = 52;
const LINE = 17;
const RIGHTS_X = 408;
const STOP = (HEIGHT - 6) / 2;

/** Where the walk arrived, with the rights that all levels give and those of the leaf. */
export function pageRow(walk: MappedWalk): Row {
  const { address, physicalAddress, pageSize, pageAddress, effectiveRights, leafRights, format } = walk;
  return arrivedRow(
    `${hex(address)} → ${hex(physicalAddress)}`,
    `${formatBytes(pageSize)} page at ${hex(pageAddress)}`,
    { name: 'effective rights', rights: effectiveRights, format },
    { name: 'of the leaf alone', rights: leafRights, format },
  );
}

/** Where a two-dimensional walk arrived; `second` translated the page itself. */
export function nestedPageRow(guest: MappedWalk, second: MappedWalk): Row {
  return arrivedRow(
    `${hex(guest.address)} → ${hex(guest.physicalAddress)} → ${hex(second.physicalAddress)}`,
    'virtual → guest-physical → host-physical',
    { name: 'guest’s rights', rights: guest.effectiveRights, format: guest.format },
    { name: 'second dimension', rights: second.effectiveRights, format: second.format },
  );
}

interface NamedRights {
  name: string;
  rights: Rights;
  format: FormatName;
}

function arrivedRow(translation: string, detail: string, upper: NamedRights, lower: NamedRights): Row {
  const rights = [upper, lower].flatMap((each, index) => {
    const base = 19 + index * LINE;
    return [
      label('body', RIGHTS_X, base, each.name),
      label('mono-strong', RIGHTS_X + 120, base, letters(each.rights, each.format)),
      label('note', RIGHTS_X + 158, base, inWords(each.rights, each.format)),
    ];
  });
  return {
    nodes: [
      box('box-accent', BOX_X, 0.5, BOX_WIDTH, HEIGHT - 6),
      label('value', NAME_X, 19, translation),
      label('body', NAME_X, 36, detail),
      ...rights,
    ],
    height: HEIGHT,
    kind: 'passed',
    stopY: STOP,
  };
}

function inWords(rights: Rights, format: FormatName): string {
  const access = rights.write ? (rights.read ? 'writable' : 'write-only') : 'read-only';
  const fetches = rights.execute && format !== 'vtd' ? ', executable' : '';
  if (format === 'ept' || format === 'vtd') return `${access}${fetches}`;
  return `${rights.user ? 'user' : 'supervisor only'}, ${access}${fetches}`;
}

/** That there is no translation, and why. */
export function faultRow(where: string, message: string): Row {
  const lines = wrap(message, contentWidth - NAME_X - 12, size.body, sansWidth);
  const height = HEIGHT + (lines.length - 1) * LINE;
  return {
    nodes: [
      box('box-bad', BOX_X, 0.5, BOX_WIDTH, height - 6),
      label('strong-bad', NAME_X, 19, `No translation: ${where}`),
      ...lines.map((text, index) => label('body', NAME_X, 36 + index * LINE, text)),
    ],
    height,
    kind: 'fault',
    stopY: STOP,
  };
}
