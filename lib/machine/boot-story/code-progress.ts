import type { CpuRegisters } from '../../monitor/index.js';

/** Code is remembered by the page: a loop stays within a few, work comes to new ones. */
const pageBits = 12n;
/** A timer's or a kernel thread's tick may be seen for the first time while the machine hangs: this share of samples may show it. */
const chance = 0.1;

interface Sample {
  readonly at: number;
  /** A vCPU was in code in which none had been seen. */
  readonly fresh: boolean;
  /** All vCPUs waited in HLT. */
  readonly idle: boolean;
}

/**
 * Whether vCPUs get on, from samples of their instruction pointers. A machine that hangs goes round in code in which it has been
 * (its idle loop, a spin lock, a loop in init); one that works comes to pages of code in which it has not been.
 */
export class CodeProgress {
  readonly #pages = new Set<bigint>();
  #samples: Sample[] = [];
  #since = 0;

  /** @param now ms, on any clock that only grows: a machine that just spoke is judged anew from here on */
  restart(now: number): void {
    this.#pages.clear();
    this.#samples = [];
    this.#since = now;
  }

  add(cpus: readonly CpuRegisters[], now: number): void {
    const before = this.#pages.size;
    for (const { rip, segments } of cpus) this.#pages.add((segments.cs.base + rip) >> pageBits);
    const fresh = this.#pages.size > before;
    this.#samples.push({ at: now, fresh, idle: cpus.every(({ halted }) => halted) });
  }

  /** Since when nothing is known to have been achieved, if that is `windowMs` or longer. */
  standstill(now: number, windowMs: number): { readonly idle: boolean } | undefined {
    if (now - this.#since < windowMs) return undefined;
    this.#samples = this.#samples.filter(({ at }) => at >= now - windowMs);
    const share = (of: (sample: Sample) => boolean): number =>
      this.#samples.filter(of).length / this.#samples.length;
    if (this.#samples.length === 0 || share(({ fresh }) => fresh) > chance) return undefined;
    return { idle: share(({ idle }) => idle) > 1 - chance };
  }
}
