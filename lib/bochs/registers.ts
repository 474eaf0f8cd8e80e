import type { VcpuRegisters } from '../machine/machine.js';
import { DebuggerError } from './errors.js';

/** The debugger's commands whose replies {@link parseRegisters} takes, in this order. */
export const registerCommands = ['r', 'creg', 'sreg'] as const;

const generalNames = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
];

/** In VMX non-root mode they are the guest's. @throws DebuggerError a register is missing */
export function parseRegisters([
  general = '',
  control = '',
  segments = '',
]: readonly string[]): VcpuRegisters {
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
    value(general, new RegExp(`\\b${name} *: ([0-9a-f]{8}_[0-9a-f]{8})\\s*$`, 'm'));
  const cs = value(segments, /^cs:0x[0-9a-f]+, dh=0x([0-9a-f]+)/m);
  return {
    cpu: 0,
    // L of the code segment's descriptor (SDM vol. 3, 3.4.5).
    width: (cs & (1n << 21n)) === 0n ? 32 : 64,
    general: Object.fromEntries(generalNames.map((name) => [name, generalRegister(name)])),
    rip: generalRegister('rip'),
    // The privilege level is the DPL of SS (SDM vol. 3, 25.4.1): bits 14:13 of the descriptor's upper half.
    cpl: Number((value(segments, /^ss:0x[0-9a-f]+, dh=0x([0-9a-f]+)/m) >> 13n) & 3n),
    // The debugger does not tell.
    halted: undefined,
    segments: { cs: { selector: Number(value(segments, /^cs:0x([0-9a-f]+)/m)) } },
    idt: {
      base: value(segments, /^idtr:base=0x([0-9a-f]+)/m),
      limit: value(segments, /^idtr:base=0x[0-9a-f]+, limit=0x([0-9a-f]+)/m),
    },
    cr0: value(control, /^CR0=0x([0-9a-f]+):/m),
    cr2: value(control, /^CR2=page fault laddr=0x([0-9a-f]+)/m),
    cr3: value(control, /^CR3=0x([0-9a-f]+)$/m),
    cr4: value(control, /^CR4=0x([0-9a-f]+):/m),
    efer: value(control, /^EFER=0x([0-9a-f]+):/m),
  };
}
