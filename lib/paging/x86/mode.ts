/** What says how a CPU translates. */
export interface ModeRegisters {
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

/** Why a CPU's tables are none of 64-bit mode, and what to do about it; `undefined` when they are (SDM vol. 3, 4.1.1). */
export function not64Bit({ cr0, cr4, efer }: ModeRegisters): string | undefined {
  if ((cr0 & (1n << 31n)) === 0n) return 'paging is off, its kernel has not started yet. Wait for the guest';
  if ((efer & (1n << 10n)) !== 0n) return undefined;
  const tables = (cr4 & (1n << 5n)) === 0n ? 'of two levels' : 'of PAE';
  return (
    `it translates by 32-bit tables ${tables}, as a 32-bit kernel does for good, and a 64-bit one for a moment while it starts. ` +
    'Only 64-bit tables are read here: boot a 64-bit kernel'
  );
}
