import type { Machine, VcpuRegisters } from '../../machine/machine.js';
import type { AddressSpace, PhysicalMemory, X86Entry, X86Options } from '../../paging/index.js';
import { ProcessGoneError, ProcessSelectionError } from './errors.js';
import { findGuestKernel, type GuestKernel, type KernelSources } from './kernel-of-guest.js';
import { type GuestTask, guestTasks } from './task-list.js';

/** A process of the guest and its page tables, found from outside. */
export interface ProcessSpace {
  readonly pid: number;
  readonly name: string;
  /** Under page-table isolation the kernel's copy, which is what `mm->pgd` is. */
  readonly space: AddressSpace<X86Entry>;
  /** How it was found, in one line for a report. */
  readonly how: string;
  readonly kernel: Pick<GuestKernel, 'initTask' | 'layout'>;
}

/** A PID (of the initial PID namespace), or a process's name: exactly as in `comm`, so its first 15 bytes. */
export type ProcessChoice = number | string;

export interface FindProcessOptions extends X86Options {
  readonly sources?: KernelSources;
}

/**
 * Finds processes by PID or name, without any help from the guest: the kernel's list of processes is read from outside. What must be known
 * of the kernel is found once. Stops the VM meanwhile, if it runs.
 */
export class ProcessFinder {
  readonly #machine: Pick<Machine, 'paused' | 'registers'>;
  readonly #options: FindProcessOptions;
  #known: KernelSources | undefined;

  constructor(machine: Pick<Machine, 'paused' | 'registers'>, options: FindProcessOptions = {}) {
    this.#machine = machine;
    this.#options = options;
  }

  /** @throws ProcessSelectionError no such process, several of that name, a kernel thread, or a kernel that gives too little */
  find(memory: PhysicalMemory, process: ProcessChoice): Promise<ProcessSpace> {
    const { sources } = this.#options;
    return this.#machine.paused(async () => {
      const registers = await this.#machine.registers();
      const findWith = (known: KernelSources | undefined): Promise<ProcessSpace> =>
        findProcess(registers, memory, process, { ...this.#options, sources: { ...sources, ...known } });
      const found = await findWith(this.#known).catch((error: unknown) => {
        if (!this.#known || !(error instanceof ProcessSelectionError)) throw error;
        // The guest may have booted again, and have its kernel elsewhere.
        return findWith(undefined);
      });
      const { initTask, layout } = found.kernel;
      this.#known = { initTask, layout };
      return found;
    });
  }
}

/**
 * The page tables of a process of a VM that stands still, by the registers of its vCPUs.
 *
 * @throws as `ProcessFinder.find`
 */
export async function findProcess(
  registers: readonly VcpuRegisters[],
  memory: PhysicalMemory,
  process: ProcessChoice,
  { sources = {}, ...options }: FindProcessOptions = {},
): Promise<ProcessSpace> {
  const kernel = await findGuestKernel(registers, memory, sources, options);
  const tasks: GuestTask[] = [];
  for await (const task of guestTasks(kernel.memory, kernel.initTask, kernel.layout)) tasks.push(task);
  const { pid, name, mm } = chosen(tasks, process);
  if (mm === 0n) {
    throw new ProcessGoneError(
      `Process ${pid} (${name}) is a kernel thread, which runs in the address space of whatever ran before it, or it has ended. Name one that has a program.`,
    );
  }
  const pgd = await kernel.memory.readPointer(mm + BigInt(kernel.layout.pgd));
  const root = await kernel.memory.physicalAddress(pgd);
  if (root === undefined) {
    throw new ProcessSelectionError(
      `Process ${pid} (${name}) has a page directory at 0x${pgd.toString(16)}, which is not mapped: the offset of mm_struct.pgd is not this kernel's. Give BTF of the kernel that runs.`,
    );
  }
  return { pid, name, space: { ...kernel.memory.space, root }, how: kernel.how, kernel };
}

function chosen(tasks: readonly GuestTask[], process: ProcessChoice): GuestTask {
  const matching = tasks.filter(({ pid, name }) =>
    typeof process === 'number' ? pid === process : name === process,
  );
  const [found, ...others] = matching;
  const what = typeof process === 'number' ? `with PID ${process}` : `named ${JSON.stringify(process)}`;
  if (found === undefined) {
    throw new ProcessGoneError(
      `The guest has no process ${what}. It has: ${listed(tasks.filter(({ mm }) => mm !== 0n))}. ` +
        'Name a thread by the PID of its process, and a process in a PID namespace by its PID outside of it.',
    );
  }
  if (others.length > 0) {
    throw new ProcessSelectionError(
      `The guest has ${matching.length} processes ${what}: choose one by PID: ${listed(matching)}.`,
    );
  }
  return found;
}

function listed(tasks: readonly GuestTask[]): string {
  const shown = tasks.slice(0, 20).map(({ pid, name }) => `${pid} ${name}`);
  return `${shown.join(', ')}${tasks.length > shown.length ? `, … (${tasks.length} in all)` : ''}`;
}
