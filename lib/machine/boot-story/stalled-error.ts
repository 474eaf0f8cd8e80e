import { InfrastructureError } from '../../errors.js';

/** How a machine stopped getting on. */
export type Stall =
  /** No console line, and no vCPU came to code that it had not been in before. */
  | { readonly kind: 'stopped'; readonly silentMs: number; readonly idle: boolean }
  /** The VM resets again and again before anything speaks. */
  | {
      readonly kind: 'resets';
      readonly resets: number;
      readonly tripleFaults: number;
      readonly windowMs: number;
    }
  /** The kernel started over. */
  | { readonly kind: 'reboots'; readonly starts: number }
  /** QEMU does not run its vCPUs: the state is that of `info status`. */
  | { readonly kind: 'not running'; readonly state: string; readonly silentMs: number };

/** Waiting longer makes no sense: the machine does not get on. */
export class StalledError extends InfrastructureError {
  override readonly name = 'StalledError';
  readonly stall: Stall;

  constructor(stall: Stall) {
    super(describeStall(stall));
    this.stall = stall;
  }
}

function describeStall(stall: Stall): string {
  switch (stall.kind) {
    case 'stopped':
      return `no console line and no new code for ${seconds(stall.silentMs)}${stall.idle ? ', all vCPUs idle' : ''}`;
    case 'resets':
      return (
        `the VM resets in a loop: ${stall.resets} resets within ${seconds(stall.windowMs)}` +
        (stall.tripleFaults > 0 ? `, ${stall.tripleFaults} of them triple faults` : '')
      );
    case 'reboots':
      return `the kernel started ${stall.starts} times`;
    case 'not running':
      return `QEMU has stopped the VM (${stall.state}) for ${seconds(stall.silentMs)}`;
  }
}

/** `20 s`, `1.2 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0).replace(/\.0$/, '')} s`;
}
