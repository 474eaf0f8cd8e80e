import { clearPageUser, type KernelChange } from '../../../change/index.js';
import { lossAmong } from '../entry.js';
import type { KernelLogEntry, LossTotal } from '../entry.js';
import { parseClearingLine } from './line.js';
import type { PteLine, UnclearedRange } from './line.js';
import { OpenRecords } from './open-records.js';

/** What the log says about one clearing of one page. */
export interface ClearingRecord {
  readonly address: bigint;
  /** Which of the two lines were seen. */
  readonly seen: 'both' | 'clearing-only' | 'cleared-only';
  /** Of the `Clearing` line; `undefined` when that line is missing or was cut off. */
  readonly oldPte: bigint | undefined;
  /** Of the `Successfully cleared` line; `undefined` when that line is missing or was cut off. */
  readonly newPte: bigint | undefined;
  /** The line that came first, for its time and place. */
  readonly entry: KernelLogEntry;
}

/** All that a stretch of kernel log says about a change. */
export interface ClearingLog {
  readonly change: KernelChange;
  /** In the order in which they began. */
  readonly records: readonly ClearingRecord[];
  /** Ranges that the kernel said it left alone. */
  readonly notCleared: readonly UnclearedRange[];
  /** Records of the log that were lost: while there are any, a missing line proves nothing. */
  readonly lost: LossTotal;
  /** Whether a loss would show: only a log with sequence numbers tells. */
  readonly lossWouldShow: boolean;
}

/** A record while the log is read. */
interface Building {
  address: bigint;
  seen: ClearingRecord['seen'];
  oldPte: bigint | undefined;
  newPte: bigint | undefined;
  entry: KernelLogEntry;
  losses: number;
}

/**
 * Pairs `Clearing` with `Successfully cleared`, per address. An address may be mapped many times, lines of several CPUs may mix, and
 * two processes may clear the same address at once: of several open records the one whose old PTE fits the new one is taken, the
 * oldest otherwise. Lines without a partner stay, as such. Linear in the number of entries.
 */
export function pairClearings(
  entries: Iterable<KernelLogEntry>,
  change: KernelChange = clearPageUser,
): ClearingLog {
  const records: Building[] = [];
  const notCleared: UnclearedRange[] = [];
  const losses: KernelLogEntry[] = [];
  const open = new OpenRecords<Building>(change.mask);
  let lossWouldShow = true;

  for (const entry of entries) {
    if (entry.lost !== undefined) losses.push(entry);
    else if (entry.seq === undefined && entry.flaw === undefined) lossWouldShow = false;
    const line = change.log && parseClearingLine(entry, change.log);
    if (line === undefined) continue;
    if (line.kind === 'not-cleared') {
      notCleared.push(line.range);
      continue;
    }
    const { address, pte } = line;
    const partner = line.kind === 'cleared' ? open.take(address, pte, losses.length) : undefined;
    if (partner !== undefined) {
      partner.seen = 'both';
      partner.newPte = pte;
      continue;
    }
    const record = begin(line, entry, losses.length);
    // Of a change that announces nothing, one line is all.
    if (change.log?.begins === undefined) record.seen = 'both';
    records.push(record);
    if (line.kind === 'clearing') open.add(address, record);
  }
  return { change, records, notCleared, lost: lossAmong(losses), lossWouldShow };
}

function begin({ kind, address, pte }: PteLine, entry: KernelLogEntry, losses: number): Building {
  return kind === 'clearing'
    ? { address, seen: 'clearing-only', oldPte: pte, newPte: undefined, entry, losses }
    : { address, seen: 'cleared-only', oldPte: undefined, newPte: pte, entry, losses };
}

/** Records by the address that they are about, of each the newest first: taking the oldest is a pop. */
export function recordsByAddress(records: readonly ClearingRecord[]): Map<bigint, ClearingRecord[]> {
  const map = new Map<bigint, ClearingRecord[]>();
  for (let index = records.length - 1; index >= 0; index--) {
    const record = records[index];
    if (record === undefined) continue;
    const list = map.get(record.address);
    if (list === undefined) map.set(record.address, [record]);
    else list.push(record);
  }
  return map;
}
