/** What is wrong with an entry that could not be read as one whole kernel record. */
export type EntryFlaw =
  /** The line does not begin as the format demands; its text is the whole line. */
  | 'malformed'
  /** The line was longer than the cap, or the log ended inside it; its text is what there was. */
  | 'truncated'
  /** Two writers shared a line; this entry is one of its parts. */
  | 'interleaved'
  /** The sequence number went backwards: the reader began again or the guest was restarted. */
  | 'out-of-order';

/** Records that the reader never saw. */
export interface LostRecords {
  /** How many; `undefined` when the log says that some were lost but not how many. */
  readonly count: number | undefined;
  /** `overrun`: the kernel's ring buffer overwrote them; `store`: dropped here to keep the memory bounded. */
  readonly where: 'overrun' | 'store';
}

/** One record of the kernel's log. */
export interface KernelLogEntry {
  /** The record's text, escapes decoded; may hold line feeds (one printk of several lines) and control characters. */
  readonly text: string;
  /** Seconds since the guest's boot, microsecond resolution; `undefined` when the line carried none. */
  readonly time?: number | undefined;
  /** 0 (emergency) to 7 (debug), as in `include/linux/kern_levels.h`. */
  readonly level?: number | undefined;
  /** 0 is the kernel; 1 is what user space wrote to /dev/kmsg. */
  readonly facility?: number | undefined;
  /** Sequence number of /dev/kmsg: consecutive, so that a gap is a loss. */
  readonly seq?: number | undefined;
  /** `T123` (task) or `C1` (CPU), where the kernel has CONFIG_PRINTK_CALLER. */
  readonly caller?: string | undefined;
  /** The record continues the one before it (flag `c`). */
  readonly fragment?: boolean | undefined;
  /** The record's dictionary (`SUBSYSTEM`, `DEVICE`). Its lines follow the record, so a live reader may see it grow. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  readonly flaw?: EntryFlaw | undefined;
  /** Set on an entry that stands for records that were lost at this place; its text says so. */
  readonly lost?: LostRecords | undefined;
}

/** An entry that stands, in its place among the others, for records that were lost. */
export function lossEntry(lost: LostRecords): KernelLogEntry {
  const amount =
    lost.count === undefined ? 'some kernel records were' : `${lost.count} kernel record(s) were`;
  const how =
    lost.where === 'overrun'
      ? "overwritten in the kernel's ring buffer before they were read"
      : 'dropped to keep the log within its cap';
  return { text: `[${amount} lost here: ${how}]`, lost };
}

/** Sum of the losses among `entries`: `{ count, exact }`; not exact means 'at least', as some loss had no number. */
export function lossAmong(entries: Iterable<KernelLogEntry>): LossTotal {
  let count = 0;
  let exact = true;
  for (const { lost } of entries) {
    if (lost === undefined) continue;
    if (lost.count === undefined) exact = false;
    else count += lost.count;
  }
  return { count, exact };
}

/** How many records are missing from a stretch of log; `exact: false` means 'at least that many'. */
export interface LossTotal {
  readonly count: number;
  readonly exact: boolean;
}

/** Whether anything at all was lost. */
export function hasLoss(loss: LossTotal): boolean {
  return loss.count > 0 || !loss.exact;
}

/** `12`, or `12 or more` / `an unknown number of` where the log did not say. */
export function describeLoss(loss: LossTotal): string {
  if (loss.exact) return String(loss.count);
  return loss.count === 0 ? 'an unknown number of' : `${loss.count} or more`;
}
