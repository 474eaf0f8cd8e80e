/** How a process ended: one of the two is set. */
export interface ProcessExit {
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
}

/** `exit code 1`, or `signal SIGKILL`. */
export function describeExit({ exitCode, signal }: ProcessExit): string {
  return signal === undefined ? `exit code ${exitCode ?? 'unknown'}` : `signal ${signal}`;
}
