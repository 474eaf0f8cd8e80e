import { flagWord } from '../flag-word.js';
import type { EptOptions } from './rules.js';

/** Number of IA32_VMX_EPT_VPID_CAP, for RDMSR. */
export const MSR_IA32_VMX_EPT_VPID_CAP = 0x48c;

/** IA32_VMX_EPT_VPID_CAP (SDM vol. 3, A.10; names of Linux arch/x86/include/asm/vmx.h). */
export const EPT_VPID_CAP = flagWord('ept-vpid-cap', {
  executeOnly: { bit: 0, name: 'VMX_EPT_EXECUTE_ONLY_BIT', meaning: 'execute-only translations' },
  walkLength4: { bit: 6, name: 'VMX_EPT_PAGE_WALK_4_BIT', meaning: 'walks of 4 levels' },
  walkLength5: { bit: 7, name: 'VMX_EPT_PAGE_WALK_5_BIT', meaning: 'walks of 5 levels' },
  uncacheable: { bit: 8, name: 'VMX_EPTP_UC_BIT', meaning: 'tables may be UC' },
  writeBack: { bit: 14, name: 'VMX_EPTP_WB_BIT', meaning: 'tables may be WB' },
  pages2M: { bit: 16, name: 'VMX_EPT_2MB_PAGE_BIT', meaning: 'a PDE can map a 2 MiB page' },
  pages1G: { bit: 17, name: 'VMX_EPT_1GB_PAGE_BIT', meaning: 'a PDPTE can map a 1 GiB page' },
  invept: { bit: 20, name: 'VMX_EPT_INVEPT_BIT', meaning: 'INVEPT is there' },
  accessDirty: { bit: 21, name: 'VMX_EPT_AD_BIT', meaning: 'accessed and dirty flags' },
  advancedExitInfo: {
    bit: 22,
    name: 'EPT-violation exit information',
    meaning: 'exit qualification bits 11:9 are given',
  },
  supervisorShadowStack: {
    bit: 23,
    name: 'supervisor shadow stack',
    meaning: 'supervisor shadow-stack control',
  },
  inveptSingle: { bit: 25, name: 'VMX_EPT_EXTENT_CONTEXT_BIT', meaning: 'INVEPT for one context' },
  inveptGlobal: { bit: 26, name: 'VMX_EPT_EXTENT_GLOBAL_BIT', meaning: 'INVEPT for all contexts' },
  invvpid: { bit: 32, name: 'VMX_VPID_INVVPID_BIT', meaning: 'INVVPID is there' },
  invvpidAddress: {
    bit: 40,
    name: 'VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT',
    meaning: 'INVVPID for one address',
  },
  invvpidSingle: { bit: 41, name: 'VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT', meaning: 'INVVPID for one context' },
  invvpidGlobal: { bit: 42, name: 'VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT', meaning: 'INVVPID for all contexts' },
  invvpidNonGlobal: {
    bit: 43,
    name: 'VMX_VPID_EXTENT_SINGLE_NON_GLOBAL_BIT',
    meaning: 'INVVPID for one context, but for global translations',
  },
});
export type EptVpidCap = ReturnType<typeof EPT_VPID_CAP.decode>;

/** The options of EPT decoders that a processor's capabilities settle. */
export function eptOptionsFrom(cap: EptVpidCap): Pick<EptOptions, 'executeOnly' | 'gigabytePages'> {
  return { executeOnly: cap.executeOnly, gigabytePages: cap.pages1G };
}
