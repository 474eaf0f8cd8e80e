import { fit, monoWidth } from './measure.js';
import { size } from '../theme/styles.js';

/** Flags whose names are wider than one bit is drawn. Their full names stand in the table under the diagram. */
const SHORT: Record<string, string> = {
  ACCESSED: 'ACCESS',
  SOFT_DIRTY: 'SOFTDTY',
  SAVED_DIRTY: 'SAVDTY',
  LARGE_PAGE: 'LARGE',
  PROTNONE: 'PR_NONE',
  PKEY_BIT0: 'PKEY0',
  PKEY_BIT1: 'PKEY1',
  PKEY_BIT2: 'PKEY2',
  PKEY_BIT3: 'PKEY3',
  READABLE: 'READ',
  WRITABLE: 'WRITE',
  EXECUTABLE: 'EXEC',
  USER_EXECUTABLE: 'XU',
  SUPPRESS_VE: 'SVE',
  VERIFY_GUEST_PAGING: 'VGP',
  PAGING_WRITE: 'PW',
  SUPERVISOR_SHADOW_STACK: 'SSS',
  SUB_PAGE_WRITE: 'SPP',
};

/** A field's name as it fits into `width` px: without the prefix that all of its kind share. */
export function shortName(name: string, width: number): string {
  const bare = name.replace(/^(_PAGE|VMX_EPT|DMA_PTE)_/, '');
  const short = monoWidth(bare, size.bit) <= width ? bare : (SHORT[bare] ?? bare);
  return fit(short, width, size.bit, monoWidth);
}
