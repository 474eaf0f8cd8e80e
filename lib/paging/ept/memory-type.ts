/** Memory types of EPT entries and of the EPTP (SDM vol. 3, 29.3.7): 2, 3 and 7 are reserved. */
export type EptMemoryType = 'UC' | 'WC' | 'WT' | 'WP' | 'WB' | 'reserved';

const TYPES: readonly EptMemoryType[] = ['UC', 'WC', 'reserved', 'reserved', 'WT', 'WP', 'WB', 'reserved'];

/** Name of a memory type, 0 to 7. */
export function eptMemoryType(value: number): EptMemoryType {
  return TYPES[value] ?? 'reserved';
}
