import type { RunResult } from './run.js';

/** Which function of the reference driver writes entries under a fault, with what the compiler puts into it. Other faults write none. */
const writers: readonly (readonly [fault: RegExp, names: RegExp])[] = [
  [/^(reset-|blink|by-way-|neighbour)/, /^e2e_change_bit$/],
  [/^(wrong-bit-|and-|clear-on-failure)/, /^vfio_dma_clear_user$/],
  [/^swap-frames$/, /^(e2e_\w+|vfio_iommu_type1_ioctl)$/],
];
/** Lines of a failure in which the function that misbehaves is named. */
const lines = 3;

/** Which function the checks that caught a fault name. */
export interface Named {
  /** `e2e_change_bit`; undefined where they name none. */
  readonly name: string | undefined;
  /** Undefined of a fault that writes no entry. */
  readonly isRight: boolean | undefined;
}

/** Of the first check that names a function of the driver's. */
export function namedFunction(fault: string, { caught }: Pick<RunResult, 'caught'>): Named {
  const names = caught.flatMap(({ text }) => {
    const head = text.split('\n').slice(0, lines).join('\n');
    return /\b([a-z_]\w*)\+0x[0-9a-f]+ \[vfio_iommu_type1\]/.exec(head)?.[1] ?? [];
  });
  const right = writers.find(([faults]) => faults.test(fault))?.[1];
  return { name: names[0], isRight: right && names[0] !== undefined && right.test(names[0]) };
}
