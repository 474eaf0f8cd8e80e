import { isKernelAddress, type KernelMemory } from './kernel-memory.js';
import { textOf } from './task-list.js';
import { COMM_BYTES, type TaskLayout } from './task-layout.js';

/** How far before `comm` the members lie that are looked for, at most; task_struct is smaller up to there. */
const windowBytes = 0x2000;
const mmBytes = 0x800;

/**
 * Measures where the members of task_struct and mm_struct lie, in a kernel without type information: by what must be true of the
 * first three tasks, `swapper/0` (PID 0), init (PID 1) and `kthreadd` (PID 2), which every Linux has in this order.
 *
 * @param comm virtual address of `init_task.comm`
 * @returns offsets from `comm`, which makes that address the task's; undefined if no such members are there, or several
 */
export async function measureLayout(memory: KernelMemory, comm: bigint): Promise<TaskLayout | undefined> {
  const swapper = await Task.read(memory, comm);
  if (swapper === undefined) return undefined;
  for (let tasks = -windowBytes; tasks < 0; tasks += 8) {
    const trio = await firstTasks(memory, swapper, tasks);
    if (trio === undefined) continue;
    const [, init, kthreadd] = trio;
    // pid and tgid, one behind the other, are the same for the leader of a thread group.
    const pids = offsets(4, (at) =>
      trio.every((task, number) => task.int(at) === number && task.int(at + 4) === number),
    );
    // mm and active_mm are the same for a process, and a kernel thread has no mm.
    const mms = offsets(8, (at) => {
      const own = init.pointer(at);
      return (
        isKernelAddress(own) &&
        own === init.pointer(at + 8) &&
        swapper.pointer(at) === 0n &&
        kthreadd.pointer(at) === 0n
      );
    });
    // What lies before task_struct is read too, and may look like a part of it; but it does not lead to page tables.
    const spaces = [];
    for (const mm of mms) {
      const pgd = await measurePgd(memory, init.pointer(mm));
      if (pgd !== undefined) spaces.push({ mm, pgd });
    }
    const [pid, otherPid] = pids;
    const [space, otherSpace] = spaces;
    if (pid !== undefined && space && otherPid === undefined && otherSpace === undefined)
      return { tasks, pid, comm: 0, ...space };
  }
  return undefined;
}

/** A task's bytes up to its `comm`; offsets are from there, and negative. */
class Task {
  readonly comm: bigint;
  readonly #bytes: Buffer;

  private constructor(comm: bigint, bytes: Buffer) {
    this.comm = comm;
    this.#bytes = bytes;
  }

  static async read(memory: KernelMemory, comm: bigint): Promise<Task | undefined> {
    const bytes = await memory.tryRead(comm - BigInt(windowBytes), windowBytes + COMM_BYTES);
    return bytes && new Task(comm, bytes);
  }

  get name(): string {
    return textOf(this.#bytes.subarray(windowBytes));
  }

  pointer(at: number): bigint {
    return this.#bytes.readBigUInt64LE(windowBytes + at);
  }

  int(at: number): number {
    return this.#bytes.readInt32LE(windowBytes + at);
  }
}

/** The first three tasks, if `tasks` is where the list of them goes through. */
async function firstTasks(
  memory: KernelMemory,
  swapper: Task,
  tasks: number,
): Promise<readonly [Task, Task, Task] | undefined> {
  const init = await nextTask(memory, swapper, tasks);
  const kthreadd = init && (await nextTask(memory, init, tasks));
  return init && kthreadd?.name === 'kthreadd' ? [swapper, init, kthreadd] : undefined;
}

async function nextTask(memory: KernelMemory, task: Task, tasks: number): Promise<Task | undefined> {
  const link = task.comm + BigInt(tasks);
  const next = task.pointer(tasks);
  if (next === link || next % 8n !== 0n) return undefined;
  if ((await memory.tryRead(next + 8n, 8))?.readBigUInt64LE() !== link) return undefined;
  return await Task.read(memory, next - BigInt(tasks));
}

/** The offsets before `comm` for which this holds. */
function offsets(step: number, holds: (at: number) => boolean): number[] {
  const found: number[] = [];
  for (let at = -windowBytes; at <= -8; at += step) if (holds(at)) found.push(at);
  return found;
}

/** Every process has the kernel's own half in its top table: what points to a table with that half is `pgd`. */
async function measurePgd(memory: KernelMemory, mm: bigint): Promise<number | undefined> {
  const bytes = await memory.tryRead(mm, mmBytes);
  const kernelHalf = await memory.topTableEntry(memory.space.root, 511);
  if (bytes === undefined || (kernelHalf & 1n) === 0n) return undefined;
  for (let at = 0; at < mmBytes; at += 8) {
    const pointer = bytes.readBigUInt64LE(at);
    if (pointer % 4096n !== 0n || pointer === 0n) continue;
    const table = await memory.physicalAddress(pointer);
    if (table !== undefined && (await memory.topTableEntry(table, 511)) === kernelHalf) return at;
  }
  return undefined;
}
