/**
 * The five ports of one machine, as `launch-opentdx.sh` derives them from its two bases (`-p` and `-d`).
 * All are TCP. ssh, sshL2 and debugL2 are forwarded on all interfaces by the real script, so they must be free on all.
 */
export interface PortPattern {
  /** ssh to L1: the base that `-p` sets. */
  readonly ssh: number;
  /** ssh to L2, through L1. */
  readonly sshL2: number;
  /** gdb stub of L1: the base that `-d` sets. */
  readonly debug: number;
  /** gdb stub of L2, through L1. */
  readonly debugL2: number;
  /** HMP monitor. */
  readonly monitor: number;
}

/** How far the highest port of a pattern lies above its base. */
export const sshSpan = 1;
export const debugSpan = 100;

export function portPattern(ssh: number, debug: number): PortPattern {
  return { ssh, sshL2: ssh + sshSpan, debug, debugL2: debug + 1, monitor: debug + debugSpan };
}

/** The ports of a pattern, or `undefined` if two of them are the same port. */
export function distinctPorts(pattern: PortPattern): number[] | undefined {
  const ports = [pattern.ssh, pattern.sshL2, pattern.debug, pattern.debugL2, pattern.monitor];
  return new Set(ports).size === ports.length ? ports : undefined;
}
