import { flag, layout, part, reserved, type BitField, type Layout } from '../bit-field.js';
import type { EntryKind } from '../entry.js';
import type { Level } from '../level.js';
import { eptRules, type EptSettings } from './rules.js';

/** The names of an EPT entry's 64 bits (SDM vol. 3, figure 29-1; names of Linux arch/x86/include/asm/vmx.h). */
export function eptLayout(level: Level, kind: EntryKind, settings: EptSettings): Layout {
  const rules = eptRules(level, settings);
  return layout([
    ...(kind === 'leaf' ? reserved(rules.leafReserved) : []),
    ...(kind === 'table' ? reserved(rules.tableReserved) : []),
    flag(0, 'VMX_EPT_READABLE', 'reads are permitted'),
    flag(1, 'VMX_EPT_WRITABLE', 'writes are permitted'),
    flag(
      2,
      'VMX_EPT_EXECUTABLE',
      settings.modeBasedExecute ? 'fetches from supervisor addresses are permitted' : 'fetches are permitted',
    ),
    ...(kind === 'leaf' ? leafOnly(level) : []),
    flag(8, 'VMX_EPT_ACCESS', 'accessed since software cleared it (if EPTP bit 6)'),
    ...(settings.modeBasedExecute
      ? [flag(10, 'VMX_EPT_USER_EXECUTABLE', 'fetches from user addresses are permitted')]
      : []),
    {
      ...part(
        51,
        12,
        'address',
        kind === 'leaf' ? 'physical address of the page' : 'physical address of the next table',
      ),
      role: 'address',
    },
    flag(63, 'VMX_EPT_SUPPRESS_VE', 'an EPT violation here exits instead of raising #VE'),
  ]);
}

function leafOnly(level: Level): BitField[] {
  return [
    part(5, 3, 'VMX_EPT_MT', 'memory type: 0 UC, 1 WC, 4 WT, 5 WP, 6 WB'),
    flag(6, 'VMX_EPT_IPAT', "the guest's PAT is ignored"),
    ...(level > 1 ? [flag(7, 'VMX_EPT_LARGE', 'maps a large page')] : []),
    flag(9, 'VMX_EPT_DIRTY', 'written since software cleared it (if EPTP bit 6)'),
    flag(57, 'VMX_EPT_VERIFY_GUEST_PAGING', 'verify guest paging, if enabled; else free for software'),
    flag(58, 'VMX_EPT_PAGING_WRITE', 'paging-write access, if enabled; else free for software'),
    flag(
      60,
      'VMX_EPT_SUPERVISOR_SHADOW_STACK',
      'supervisor shadow stack, if enabled; else free for software',
    ),
    flag(61, 'VMX_EPT_SUB_PAGE_WRITE', 'sub-page write permissions, if enabled; else free for software'),
  ];
}
