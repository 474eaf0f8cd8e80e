import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { readEnvironment } from '../../fixtures/environment.js';
import { referenceStack } from '../../fixtures/stacks/reference.js';
import type { Stack } from '../../fixtures/stacks/stack.js';
import { startVm } from '../../fixtures/vm/start.js';
import { stopVm, type QemuVm } from '../../fixtures/vm/vm.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';
import { createRunFolder } from '../../lib/machine/ownership/index.js';

export interface Start {
  /** From the harness's decision to start a machine until its guest answers, clock set. */
  readonly readyMs: number;
  /** … until a test's first command was answered. */
  readonly firstCommandMs: number;
  /** Time on the host's CPUs, of QEMU and of this process together: what a busy host changes little. */
  readonly cpuMs: number;
  readonly accelerator: string;
}

export function benchStack(): Promise<Stack> {
  return referenceStack(readEnvironment(process.env), (line) => {
    console.error(line);
  });
}

/** Gives `measure` a machine of its own, and ends it afterwards. */
export async function withBenchMachine<T>(measure: (vm: QemuVm, device: string) => Promise<T>): Promise<T> {
  const stack = await benchStack();
  await using folder = await createRunFolder({ prefix: 'bench' });
  const vm = await startVm(stack, {
    title: 'The benchmark machine',
    consoleLog: path.join(folder.path, 'console.log'),
    machineOptions: defaultMachineOptions,
  });
  try {
    return await measure(vm, stack.device);
  } finally {
    await stopVm(vm);
  }
}

/** Starts the reference machine, restored or from cold, runs a command and ends it. */
export async function oneStart(stack: Stack, folder: string, coldBoot: boolean): Promise<Start> {
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  const vm = await startVm(stack, {
    title: 'The benchmark machine',
    consoleLog: path.join(folder, 'console.log'),
    machineOptions: { ...defaultMachineOptions, coldBoot },
  });
  const readyMs = performance.now() - begin;
  await vm.guest.succeed(['true']);
  const firstCommandMs = performance.now() - begin;
  const own = process.cpuUsage(cpuBefore);
  const cpuMs = (await cpuMsOf(vm.machine.pid)) + (own.user + own.system) / 1000;
  await stopVm(vm);
  return { readyMs, firstCommandMs, cpuMs, accelerator: vm.accelerator };
}

/** utime and stime of proc(5), in clock ticks of 10 ms (USER_HZ is 100 on x86). */
async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
