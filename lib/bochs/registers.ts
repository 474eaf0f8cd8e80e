import type { CpuRegisters } from '../monitor/index.js';
import { DebuggerError } from './errors.js';

/** What tells whose code the CPU runs, and on which page tables. In VMX non-root mode these are the guest's. */
export type BochsRegisters = Pick<CpuRegisters, 'general' | 'rip' | 'cpl' | 'cr0' | 'cr3' | 'cr4' | 'efer'>;

/** The debugger's commands whose replies {@link parseRegisters} takes, in this order. */
export const registerCommands = ['r', 'creg', 'sreg'] as const;

/** @throws DebuggerError a register is missing */
export function parseRegisters([
  general = '',
  control = '',
  segments = '',
]: readonly string[]): BochsRegisters {
  const value = (text: string, pattern: RegExp): bigint => {
    const digits = pattern.exec(text)?.[1];
    if (digits === undefined) {
      throw new DebuggerError(
        `Bochs's registers have nothing that matches ${pattern}: ${JSON.stringify(text.slice(0, 400))}`,
      );
    }
    return BigInt(`0x${digits.replace('_', '')}`);
  };
  const generalRegister = (name: string): bigint =>
    value(general, new RegExp(`^${name} *: ([0-9a-f]{8}_[0-9a-f]{8})$`, 'm'));
  return {
    general: { r12: generalRegister('r12'), r13: generalRegister('r13') },
    rip: generalRegister('rip'),
    // The privilege level is the DPL of SS (SDM vol. 3, 25.4.1): bits 14:13 of the descriptor's upper half.
    cpl: Number((value(segments, /^ss:0x[0-9a-f]+, dh=0x([0-9a-f]+)/m) >> 13n) & 3n),
    cr0: value(control, /^CR0=0x([0-9a-f]+):/m),
    cr3: value(control, /^CR3=0x([0-9a-f]+)$/m),
    cr4: value(control, /^CR4=0x([0-9a-f]+):/m),
    efer: value(control, /^EFER=0x([0-9a-f]+):/m),
  };
}
