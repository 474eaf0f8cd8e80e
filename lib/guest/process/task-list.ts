import { printable } from '../../text/index.js';
import { ProcessSelectionError } from './errors.js';
import { isKernelAddress, type KernelMemory } from './kernel-memory.js';
import { COMM_BYTES, type TaskLayout } from './task-layout.js';

/** A process, as the guest's kernel lists it: the leader of a thread group. */
export interface GuestTask {
  readonly pid: number;
  /** `comm`: up to 15 bytes of the program's name, or what the process called itself. */
  readonly name: string;
  /** Virtual address of the mm_struct; 0 for a kernel thread, which has no address space of its own. */
  readonly mm: bigint;
}

/** PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h): no list is longer. */
const maxTasks = 4 << 20;

/**
 * All processes of the guest, `init_task` (PID 0) first, read from its memory while the VM stands still.
 *
 * @param initTask virtual address of `init_task`
 * @throws ProcessSelectionError the list is none: layout or address are of another kernel
 */
export async function* guestTasks(
  memory: KernelMemory,
  initTask: bigint,
  layout: TaskLayout,
): AsyncGenerator<GuestTask, void, undefined> {
  const seen = new Set<bigint>();
  let task = initTask;
  do {
    if (seen.has(task) || seen.size >= maxTasks || !isKernelAddress(task)) throw broken(task, seen.size);
    seen.add(task);
    yield await readTask(memory, task, layout);
    const link = task + BigInt(layout.tasks);
    const next = await memory.readPointer(link);
    // Each link must be answered: what is no list is noticed at its first step.
    if ((await memory.tryRead(next + 8n, 8))?.readBigUInt64LE() !== link) throw broken(task, seen.size);
    task = next - BigInt(layout.tasks);
  } while (task !== initTask);
}

async function readTask(memory: KernelMemory, task: bigint, layout: TaskLayout): Promise<GuestTask> {
  const [pid, comm, mm] = await Promise.all([
    memory.read(task + BigInt(layout.pid), 4),
    memory.read(task + BigInt(layout.comm), COMM_BYTES),
    memory.readPointer(task + BigInt(layout.mm)),
  ]);
  return { pid: pid.readInt32LE(), name: textOf(comm), mm };
}

/** Up to the first zero; a process may call itself anything. */
export function textOf(comm: Buffer): string {
  const end = comm.indexOf(0);
  return printable(comm.toString('utf8', 0, end < 0 ? comm.length : end)).replaceAll(/[\t\n]/g, ' ');
}

function broken(task: bigint, count: number): ProcessSelectionError {
  return new ProcessSelectionError(
    `The guest's list of processes breaks off after ${count} at 0x${BigInt.asUintN(64, task).toString(16)}: ` +
      'the symbols or the type information are of another kernel than the one in the VM, or it was not stopped. Give those of the kernel that runs.',
  );
}
