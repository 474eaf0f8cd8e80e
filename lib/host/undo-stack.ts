/**
 * What has to be undone when a construction in several steps fails half-way, last first. (`AsyncDisposableStack` needs Node 24.)
 */
export class UndoStack {
  readonly #steps: (() => unknown)[] = [];

  /** Adds a step; the latest is undone first. */
  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  /**
   * Undoes every step, whatever becomes of the others.
   *
   * @throws the first step's error, after all have been tried
   */
  async undo(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
