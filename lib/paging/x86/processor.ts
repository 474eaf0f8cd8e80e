import { hasBit } from '../bits.js';

/** What CPUID says of a processor, as far as it matters to page tables and can be had. */
export interface ProcessorFeatures {
  /** MAXPHYADDR (CPUID 0x80000008 EAX 7:0). */
  readonly maxPhysicalAddress: number | 'unknown';
  /** 1 GiB pages (CPUID 0x80000001 EDX 26). */
  readonly gigabytePages: boolean | 'unknown';
}

/**
 * All of a processor that decides what its page tables mean and what an access does: options for spaces (`x86Space`).
 */
export interface Processor extends ProcessorFeatures {
  /** CR4.LA57: 5 levels of tables. */
  readonly levels: 4 | 5;
  /** EFER.NXE: bit 63 is execute-disable, and not reserved. */
  readonly nxe: boolean;
  /** CR0.WP: supervisor writes respect R/W. */
  readonly writeProtect: boolean;
  /** CR4.SMEP: the supervisor fetches nothing from user pages. */
  readonly smep: boolean;
  /** CR4.SMAP: nor does it read or write them, unless EFLAGS.AC is set. */
  readonly smap: boolean;
  /** CR4.PKE: PKRU governs user pages. */
  readonly protectionKeys: boolean;
  /** CR4.PCIDE: bits 11:0 of CR3 are a process-context identifier. */
  readonly pcide: boolean;
}

/** Registers that hold the rest (SDM vol. 3, 2.5 and 2.2.1). */
export interface ControlRegisters {
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

const UNKNOWN: ProcessorFeatures = { maxPhysicalAddress: 'unknown', gigabytePages: 'unknown' };

/** Puts together what control registers and CPUID say. Features that nobody has asked for are unknown. */
export function processorOf(
  { cr0, cr4, efer }: ControlRegisters,
  { maxPhysicalAddress, gigabytePages }: ProcessorFeatures = UNKNOWN,
): Processor {
  return {
    maxPhysicalAddress,
    gigabytePages,
    levels: hasBit(cr4, 12) ? 5 : 4,
    nxe: hasBit(efer, 11),
    writeProtect: hasBit(cr0, 16),
    smep: hasBit(cr4, 20),
    smap: hasBit(cr4, 21),
    protectionKeys: hasBit(cr4, 22),
    pcide: hasBit(cr4, 17),
  };
}
