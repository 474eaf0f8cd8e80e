import { field } from '../bits.js';
import { assertRaw } from '../raw.js';

/** Memory types of PAT entries (SDM vol. 3, table 12-10). */
export type MemoryType = 'UC' | 'WC' | 'WT' | 'WP' | 'WB' | 'UC-' | 'reserved';

/** IA32_PAT after reset (SDM vol. 3, table 12-12). */
export const PAT_AT_RESET = 0x0007_0406_0007_0406n;

/** IA32_PAT as Linux sets it (arch/x86/mm/pat/memtype.c, pat_bp_init): entry 1 is WC, entry 7 WT. */
export const PAT_OF_LINUX = 0x0407_0506_0007_0106n;

const TYPES: readonly MemoryType[] = ['UC', 'WC', 'reserved', 'reserved', 'WT', 'WP', 'WB', 'UC-'];

/**
 * The memory type that an entry's `patIndex` (0 to 7) selects in the PAT register. Combined with the MTRRs or the EPT
 * memory type this gives the effective one.
 */
export function memoryTypeOf(patIndex: number, pat: bigint = PAT_OF_LINUX): MemoryType {
  assertRaw(pat, 'IA32_PAT');
  // Each entry is a byte of which three bits count; the upper five must be zero.
  return TYPES[field(pat, 8 * patIndex + 7, 8 * patIndex)] ?? 'reserved';
}
