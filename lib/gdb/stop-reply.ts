import { GdbProtocolError } from './errors.js';

/** Why and where the VM stopped. */
export interface StopReply {
  /** gdb's signal number: 5 at a breakpoint or step, 2 after an interrupt or the monitor's `stop`. */
  readonly signal: number;
  /** The vCPU that the stub names, where it names one. */
  readonly cpu: number | undefined;
  /** Linear address of the write that a watchpoint saw; the vCPU stands behind the instruction that made it. */
  readonly watch?: bigint;
}

/** QEMU counts threads from 1, one per vCPU. */
export function threadOf(cpu: number): string {
  return (cpu + 1).toString(16);
}

export function vcpuOfThread(id: string): number {
  const digits = /^(?:p[0-9a-f]+\.)?([0-9a-f]{1,6})$/.exec(id)?.[1];
  const thread = digits === undefined ? 0 : Number.parseInt(digits, 16);
  if (thread < 1)
    throw new GdbProtocolError(`Not a thread of the gdb stub: ${JSON.stringify(id.slice(0, 40))}`);
  return thread - 1;
}

/** Parses `T05thread:01;`, `T05thread:01;watch:ffff888001234000;` or `S05`. @throws GdbProtocolError the VM has ended, or it is none of these */
export function parseStopReply(payload: string): StopReply {
  const match = /^[TS]([0-9a-f]{2})(.*)$/s.exec(payload);
  if (match?.[1] === undefined) {
    throw new GdbProtocolError(`Not a stop of the VM: ${JSON.stringify(payload.slice(0, 60))}`);
  }
  const thread = /(?:^|;)thread:([^;]+);/.exec(match[2] ?? '')?.[1];
  const watch = /(?:^|;)watch:([0-9a-f]{1,16});/.exec(match[2] ?? '')?.[1];
  return {
    signal: Number.parseInt(match[1], 16),
    cpu: thread === undefined ? undefined : vcpuOfThread(thread),
    ...(watch === undefined ? {} : { watch: BigInt(`0x${watch}`) }),
  };
}
