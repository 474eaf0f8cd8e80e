import type { Btf } from './btf.js';

/** Where the members lie that lead from a task to its page tables, in bytes from the structure's begin. */
export interface TaskLayout {
  /** task_struct */
  readonly tasks: number;
  readonly pid: number;
  readonly comm: number;
  readonly mm: number;
  /** mm_struct */
  readonly pgd: number;
}

/** TASK_COMM_LEN of include/linux/sched.h, the terminating zero included. */
export const COMM_BYTES = 16;

/** @throws ProcessSelectionError a member is missing */
export function layoutFromBtf(btf: Btf): TaskLayout {
  const task = (member: string): number => btf.memberOffset('task_struct', member);
  return {
    tasks: task('tasks'),
    // Of the leader of a thread group, which is what the list holds, pid and tgid are the same.
    pid: task('tgid'),
    comm: task('comm'),
    mm: task('mm'),
    pgd: btf.memberOffset('mm_struct', 'pgd'),
  };
}
