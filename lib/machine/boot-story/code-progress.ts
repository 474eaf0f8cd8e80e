import type { CpuRegisters } from '../../monitor/index.js';

/** Code is remembered by the page: a loop stays within a few, work comes to new ones. */
const pageBits = 12n;

/**
 * Whether vCPUs get on, from samples of their instruction pointers. A machine that hangs goes round in code in which it has been
 * (its idle loop, a spin lock, a loop in init); one that works comes to a page of code that it has not been in, sooner or later.
 */
export class CodeProgress {
  readonly #pages = new Set<bigint>();
  #newCodeAt = 0;
  #idle = false;

  /** @param now ms, on any clock that only grows */
  sample(cpus: readonly CpuRegisters[], now: number): void {
    this.#idle = cpus.every(({ halted }) => halted);
    for (const { rip, segments } of cpus) {
      const page = (segments.cs.base + rip) >> pageBits;
      if (this.#pages.has(page)) continue;
      this.#pages.add(page);
      this.#newCodeAt = now;
    }
  }

  /** When a vCPU was last seen in code that none had been seen in before. */
  get newCodeAt(): number {
    return this.#newCodeAt;
  }

  /** All vCPUs waited in HLT at the last sample. */
  get idle(): boolean {
    return this.#idle;
  }

  /** Forgets all code: a machine that spoke meanwhile may go through the same code for a good reason. */
  reset(now: number): void {
    this.#pages.clear();
    this.#newCodeAt = now;
  }
}
