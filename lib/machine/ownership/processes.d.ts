/** What identifies a process: a number alone does not, as it is given again. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** In clock ticks since the host's boot (proc(5), /proc/PID/stat field 22). */
  readonly start: number;
  /** CPU time, in clock ticks: its own, and its ended children's. */
  readonly cpuTicks: number;
}

/** Which processes are meant. */
export interface Claim {
  /** The value of the owner variable, or the beginning of it. */
  readonly mark: string;
  /** Processes that are known; what was started leads a session of its own. */
  readonly roots: readonly { readonly pid: number; readonly start: number }[];
  readonly monitorPorts: readonly number[];
}

export interface EndBudgets {
  readonly quitMs: number;
  readonly termMs: number;
  readonly killMs: number;
}

export const ownerVariable: string;
export function readProcess(pid: number): ProcessInfo | undefined;
export function thisWorld(): string;
export function cpuMsOfSession(session: number): number;
export function isAlive(process: { readonly pid: number; readonly start: number }): boolean;
export function findOwned(claim: Claim): ProcessInfo[];
export function endProcesses(claim: Claim, budgets: EndBudgets): Promise<ProcessInfo[]>;
