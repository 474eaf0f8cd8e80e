import {
  address,
  flag,
  listOf,
  oneOf,
  optional,
  type Rules,
  shape,
  that,
  whole,
  word,
} from '../../validate/index.js';
import {
  bufferParts,
  type BufferOptions,
  type GuestBuffer,
  guestBuffer,
  valueOfWrite,
} from '../vfio/options.js';
import type { GuestPage } from './page-tables.js';

/** A memory slot of the VM, as KVM_SET_USER_MEMORY_REGION takes it. */
export interface SlotOptions {
  /** Guest-physical. */
  readonly gpa: bigint;
  /** The program's memory that backs it. */
  readonly buffer: GuestBuffer;
  readonly dirtyLog?: boolean;
}

/** Registers at the guest's start; those that are left out are 0. */
export type L2Registers = Readonly<
  Partial<Record<'rip' | 'rax' | 'rbx' | 'rcx' | 'rdx' | 'rsi' | 'rdi' | 'rsp', bigint>>
>;

const bufferKinds = ['anonymous', 'shared', 'memfd', 'hugetlb', 'thp', 'hugetlb1g'] as const;

/** Memory, allocated as vfio-map does, of kinds that vfio-map's clients don't use beside those that they do. */
export interface L2BufferOptions extends Omit<BufferOptions, 'kind' | 'path'> {
  readonly kind?: (typeof bufferKinds)[number];
}

export interface L2TouchOptions {
  /** Default: `read`. */
  readonly access?: 'read' | 'write';
  readonly value?: bigint;
}

export interface L2RunOptions {
  /** How often the vCPU is to come out. */
  readonly exits?: number;
  /** What every read of a device is answered with, the one that the last run ended with among them. */
  readonly value?: bigint;
  readonly timeoutMs?: number;
}

const { pages, populate, protection } = bufferParts;

const pageLevel = that<GuestPage['level']>('1, 2 or 3', (value) => value === 1 || value === 2 || value === 3);

/** What these must be. */
export const l2BufferOptions = shape<L2BufferOptions>({
  pages,
  populate,
  protection,
  kind: optional(oneOf(bufferKinds)),
});
export const slotOptions = shape<SlotOptions>({ gpa: word(), buffer: guestBuffer, dirtyLog: optional(flag) });
export const l2TouchOptions = valueOfWrite(
  shape<L2TouchOptions>({
    access: optional(oneOf(['read', 'write'])),
    value: optional(word()),
  }),
);
export const guestPages = listOf(shape<GuestPage>({ linear: address, physical: address, level: pageLevel }));
/** A memory slot's number. */
export const slotNumber = whole(0, 32_763);
export const l2RunOptions = shape<L2RunOptions>({
  exits: optional(whole(1)),
  value: optional(word()),
  timeoutMs: optional(whole(1)),
});
const register = optional(word());
const registers: Rules<L2Registers> = {
  rip: register,
  rax: register,
  rbx: register,
  rcx: register,
  rdx: register,
  rsi: register,
  rdi: register,
  rsp: register,
};
export const enterOptions = shape<L2Registers & { readonly cr3?: bigint }>({ ...registers, cr3: register });
