import { REPORT_OVERHEAD } from './limits.js';
import type { KernelReport } from './report.js';

/** What a kind of report had that is not kept. */
interface Beyond {
  readonly first: KernelReport;
  count: number;
}

/**
 * Reports within a cap. Those beyond it are not forgotten: for each kind and grade one report stands, which says how many there were
 * and nothing else, so that only a pattern that means the whole kind lets it pass.
 */
export class KeptReports {
  readonly #total: number;
  readonly #kept: KernelReport[] = [];
  readonly #beyond = new Map<string, Beyond>();
  #characters = 0;

  /** @param total characters that are kept in all */
  constructor(total: number) {
    this.#total = total;
  }

  add(report: KernelReport): void {
    this.#characters += report.title.length + report.text.length + REPORT_OVERHEAD;
    if (this.#characters <= this.#total) {
      this.#kept.push(owned(report));
      return;
    }
    const key = `${report.kind} ${report.grade}`;
    const beyond = this.#beyond.get(key);
    if (beyond === undefined) this.#beyond.set(key, { first: owned(report), count: 1 });
    else beyond.count += 1;
  }

  all(): KernelReport[] {
    return [...this.#kept, ...[...this.#beyond.values()].map(standIn)];
  }
}

/** In strings of its own: a piece of a string keeps all of it in memory, which here is what was read from the log at once. */
function owned(report: KernelReport): KernelReport {
  return structuredClone(report);
}

function standIn({ first, count }: Beyond): KernelReport {
  const title = `${count} more report(s) of kind ${first.kind} than can be kept`;
  return { ...first, title, where: undefined, text: title, complete: false, truncated: true };
}
