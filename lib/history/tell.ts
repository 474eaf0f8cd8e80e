import { _PAGE_PRESENT, hex, PTE_PFN_MASK } from '../paging/index.js';
import { nameOf } from '../change/index.js';
import type { NamedWrite, Writer } from './history.js';

/** Frames of a stack that a message has. */
const shownFrames = 8;

/** `restore_work_fn+0x4e [vfio_iommu_type1] in kworker/1:2 (pid 33)` */
export function writerText(writer: Writer | undefined): string {
  if (writer === undefined) return 'nobody was seen writing it';
  const { place, task, vcpu } = writer;
  return `${place} in ${task ? `${task.name} (pid ${task.pid})` : 'a task unknown'}, vCPU ${vcpu}`;
}

/** `called by e2e_reset_work+0x37 ← process_one_work+0x1c7 ← ? worker_thread+0x4d`: not certain where there is a question mark. */
export function stackText({ stack }: Writer): string {
  if (stack.length === 0) return 'called by: the stack shows nobody';
  const frames = stack.slice(0, shownFrames).map(({ text, certain }) => `${certain ? '' : '? '}${text}`);
  return `called by ${frames.join(' ← ')}`;
}

/** `0x…867 -> 0x…863 (_PAGE_USER cleared)` */
export function changeText({ before, after }: Pick<NamedWrite, 'before' | 'after'>): string {
  const differ = before.raw ^ after.raw;
  const flags = Array.from({ length: 64 }, (_, position) => position)
    .filter((position) => (((differ & ~PTE_PFN_MASK) >> BigInt(position)) & 1n) === 1n)
    .map(
      (position) =>
        `${nameOf(position)} ${((after.raw >> BigInt(position)) & 1n) === 1n ? 'set' : 'cleared'}`,
    );
  if ((before.raw & after.raw & _PAGE_PRESENT) !== 0n && (differ & PTE_PFN_MASK) !== 0n)
    flags.push('another frame');
  const levels = before.level === after.level ? '' : `, level ${before.level} to ${after.level}`;
  return `${hex(before.raw)} -> ${hex(after.raw)} (${flags.join(', ')}${levels})`;
}
