import { bit, bits, field, hasBit } from '../bits.js';
import { flag, layout, part, type Decoded } from '../bit-field.js';
import { assertRaw } from '../raw.js';
import { eptMemoryType, type EptMemoryType } from './memory-type.js';

/** A decoded EPT pointer (SDM vol. 3, 25.6.11). */
export interface Eptp extends Decoded {
  readonly type: 'eptp';
  /** Memory type of the tables themselves. Only UC and WB are legal. */
  readonly memoryType: EptMemoryType;
  readonly memoryTypeValue: number;
  /** Levels of the walk, 1 to 8 as encoded. Only 4 and 5 are legal. */
  readonly walkLength: number;
  readonly accessDirty: boolean;
  readonly supervisorShadowStack: boolean;
  /** Physical address of the top table. */
  readonly root: bigint;
  readonly otherBits: bigint;
  /** Why VM entry would reject the value; empty for a good one. */
  readonly problems: readonly string[];
}

const FIELDS = layout(
  [
    part(2, 0, 'VMX_EPTP_MT', 'memory type of the tables: 0 UC, 6 WB'),
    part(5, 3, 'VMX_EPTP_PWL', 'walk length less one'),
    flag(6, 'VMX_EPTP_AD_ENABLE', 'hardware sets accessed and dirty flags'),
    flag(7, 'VMX_EPTP_SUPERVISOR_SHADOW_STACK', 'supervisor shadow-stack pages are enforced'),
    part(51, 12, 'EPT PML base', 'physical address of the top table', 'address'),
  ],
  'reserved',
);

/** Decodes an EPTP. */
export function decodeEptp(raw: bigint): Eptp {
  assertRaw(raw, 'EPTP');
  const memoryTypeValue = field(raw, 2, 0);
  const walkLength = field(raw, 5, 3) + 1;
  const otherBits = raw & ~(bits(7, 0) | bits(51, 12));
  const problems = [
    ...(memoryTypeValue === 0 || memoryTypeValue === 6
      ? []
      : [`memory type ${memoryTypeValue} is not UC or WB`]),
    ...(walkLength === 4 || walkLength === 5 ? [] : [`a walk of ${walkLength} levels does not exist`]),
    ...(otherBits === 0n ? [] : ['reserved bits are set']),
  ];
  return {
    type: 'eptp',
    raw,
    fields: FIELDS,
    memoryType: eptMemoryType(memoryTypeValue),
    memoryTypeValue,
    walkLength,
    accessDirty: hasBit(raw, 6),
    supervisorShadowStack: hasBit(raw, 7),
    root: raw & bits(51, 12),
    otherBits,
    problems,
  };
}

/** Composes an EPTP from its properties (memory type: the number); `raw` is not read. */
export function encodeEptp(value: Omit<Eptp, keyof Decoded | 'problems' | 'memoryType'>): bigint {
  return (
    BigInt(value.memoryTypeValue) |
    (BigInt(value.walkLength - 1) << 3n) |
    (value.accessDirty ? bit(6) : 0n) |
    (value.supervisorShadowStack ? bit(7) : 0n) |
    value.root |
    value.otherBits
  );
}
