import type { Fault } from '../../lib/image/faults.js';
import type { Catch, RunResult } from './run.js';

/** Lines of a failure in which it is said what is wrong, and which function misbehaves. */
const lines = 3;

/** What the checks that caught a fault say of it. */
export interface Named {
  /** Whether one of them says what is wrong. */
  readonly isSaid: boolean;
  /** `e2e_change_bit`: the first function of the driver's that is named; undefined where there is none. */
  readonly writer: string | undefined;
  /** Undefined of a fault that writes no entry. */
  readonly isWriterRight: boolean | undefined;
}

/** Whether a fault is told by its name: what goes wrong, and who wrote the entries that are wrong. */
export function named({ says, writer: right }: Fault, { caught }: Pick<RunResult, 'caught'>): Named {
  const heads = caught.map(head);
  const [writer] = heads.flatMap(
    (text) => /\b([a-z_]\w*)\+0x[0-9a-f]+ \[vfio_iommu_type1\]/.exec(text)?.[1] ?? [],
  );
  return {
    isSaid: heads.some((text) => says.test(text)),
    writer,
    isWriterRight: right && writer !== undefined && right.test(writer),
  };
}

function head({ text }: Catch): string {
  return text.split('\n').slice(0, lines).join('\n');
}
