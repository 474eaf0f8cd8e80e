import { hasBit } from '../bits.js';
import { flagWord } from '../flag-word.js';

/** Number of IA32_MISC_ENABLE, for RDMSR. */
export const MSR_IA32_MISC_ENABLE = 0x1a0;

/** IA32_MISC_ENABLE (SDM vol. 4, table 2-2; names of Linux arch/x86/include/asm/msr-index.h). */
export const MISC_ENABLE = flagWord('misc-enable', {
  fastStrings: { bit: 0, name: 'MSR_IA32_MISC_ENABLE_FAST_STRING', meaning: 'fast REP MOVS and STOS' },
  thermalControl: { bit: 3, name: 'MSR_IA32_MISC_ENABLE_TM1', meaning: 'automatic thermal control' },
  performanceMonitoring: {
    bit: 7,
    name: 'MSR_IA32_MISC_ENABLE_EMON',
    meaning: 'performance monitoring is there',
  },
  btsUnavailable: { bit: 11, name: 'MSR_IA32_MISC_ENABLE_BTS_UNAVAIL', meaning: 'no branch trace store' },
  pebsUnavailable: {
    bit: 12,
    name: 'MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL',
    meaning: 'no precise event sampling',
  },
  speedStep: { bit: 16, name: 'MSR_IA32_MISC_ENABLE_ENHANCED_SPEEDSTEP', meaning: 'SpeedStep is on' },
  mwait: { bit: 18, name: 'MSR_IA32_MISC_ENABLE_MWAIT', meaning: 'MONITOR and MWAIT are there' },
  limitCpuid: { bit: 22, name: 'MSR_IA32_MISC_ENABLE_LIMIT_CPUID', meaning: 'CPUID ends at leaf 2' },
  xtprDisable: { bit: 23, name: 'MSR_IA32_MISC_ENABLE_XTPR_DISABLE', meaning: 'no xTPR messages' },
  xdDisable: {
    bit: 34,
    name: 'MSR_IA32_MISC_ENABLE_XD_DISABLE',
    meaning: 'execute-disable is hidden from CPUID and EFER.NXE cannot be set',
  },
});
export type MiscEnable = ReturnType<typeof MISC_ENABLE.decode>;

/** IA32_EFER (SDM vol. 3, 2.2.1; AMD APM vol. 2, 3.1.7). */
export const EFER = flagWord('efer', {
  syscall: { bit: 0, name: 'EFER_SCE', meaning: 'SYSCALL and SYSRET are there' },
  longMode: { bit: 8, name: 'EFER_LME', meaning: 'long mode once paging is on' },
  longModeActive: { bit: 10, name: 'EFER_LMA', meaning: 'long mode is active' },
  noExecute: { bit: 11, name: 'EFER_NX', meaning: 'bit 63 of an entry is execute-disable' },
  secureVirtualMachine: { bit: 12, name: 'EFER_SVME', meaning: 'SVM is on (AMD)' },
  fastFxsave: { bit: 14, name: 'EFER_FFXSR', meaning: 'fast FXSAVE and FXRSTOR (AMD)' },
});
export type Efer = ReturnType<typeof EFER.decode>;

/**
 * Whether bit 63 of an entry is execute-disable (true) or reserved (false): EFER.NXE, which cannot be set while
 * IA32_MISC_ENABLE says XD disable. This is the `nxe` option of x86 spaces.
 */
export function noExecuteInEffect(efer: bigint, miscEnable = 0n): boolean {
  return hasBit(efer, 11) && !hasBit(miscEnable, 34);
}
