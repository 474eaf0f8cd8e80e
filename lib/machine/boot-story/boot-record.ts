import type { MachineProgram } from '../machine.js';

/** A stage that a machine came to. */
export interface BootStage {
  readonly name: string;
  /** ms since the launch began. */
  readonly atMs: number;
}

/** The stages before anything in the guest speaks. */
export const launcherStarted = 'launcher started';
/** It can be asked. */
export const programAlive = (program: MachineProgram): string => `${program} alive`;
/** The machine's state was loaded from a snapshot. */
export const restored = 'restored';

/**
 * How far a machine came, and when: filled in while it starts, and read whether it succeeds or not. A stage lasts from when it was
 * reached until the next one was.
 */
export class BootRecord {
  /** Wall-clock time at which the launch began, ms since 1970. */
  readonly beganAt = Date.now();
  readonly #began = performance.now();
  readonly #stages: BootStage[] = [];
  #endedMs: number | undefined;

  /** ms since the launch began. */
  get elapsedMs(): number {
    return performance.now() - this.#began;
  }

  get stages(): readonly BootStage[] {
    return this.#stages;
  }

  /** When the start was over, well or not; undefined before. */
  get endedMs(): number | undefined {
    return this.#endedMs;
  }

  reach(name: string): void {
    this.#stages.push({ name, atMs: this.elapsedMs });
  }

  end(): void {
    this.#endedMs ??= this.elapsedMs;
  }

  has(name: string): boolean {
    return this.#stages.some((stage) => stage.name === name);
  }
}
