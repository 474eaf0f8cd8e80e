import { expect, test } from '../../fixtures/index.js';
import { findProcess, ProcessFinder, type ProcessSpace } from '../../lib/guest/process/address-space.js';
import { ProcessSelectionError } from '../../lib/guest/process/errors.js';
import { findGuestKernel, type KernelSources } from '../../lib/guest/process/kernel-of-guest.js';
import { KernelImage } from '../../lib/guest/process/search-kernel.js';
import type { GuestShell } from '../../lib/guest/ssh/index.js';
import type { Machine, MachineMemory } from '../../lib/machine/machine.js';

test.describe.configure({ timeout: 300_000 });

const addressSpaceOfPid = (
  machine: Machine,
  { memory }: MachineMemory,
  process: number | string,
  sources: KernelSources = {},
): Promise<ProcessSpace> => new ProcessFinder(machine, { sources }).find(memory, process);

/** The symbols that finding a process may take, as the guest's kernel tells them to root. */
async function readKallsyms(guest: GuestShell): Promise<string> {
  return await guest.succeed([
    'grep',
    '-E',
    ' (_text|init_task|__start_BTF|__stop_BTF|asm_exc_page_fault|asm_exc_divide_error)$',
    '/proc/kallsyms',
  ]);
}

/** Where the kernel would lie without KASLR. */
const linkedAt = 0xffff_ffff_8100_0000n;

/** The System.map that belongs to a running kernel, and by how much that was moved. */
function unmoved(kallsyms: string): { systemMap: string; slide: bigint } {
  const text = /^([0-9a-f]+) \w _text$/m.exec(kallsyms)?.[1];
  const slide = BigInt(`0x${text ?? '0'}`) - linkedAt;
  const systemMap = kallsyms.replaceAll(/^[0-9a-f]{16}/gm, (address) =>
    (BigInt(`0x${address}`) - slide).toString(16).padStart(16, '0'),
  );
  return { systemMap, slide };
}

test('a process is found by PID and by name, whatever is known of the kernel', async ({
  vfio,
  machine,
  memory,
  guest,
}) => {
  const process = await vfio.process();
  const kallsyms = await readKallsyms(guest);
  const btf = await guest.download('/sys/kernel/btf/vmlinux');
  const { systemMap } = unmoved(kallsyms);
  const noBtf = kallsyms.replaceAll(/^.*_BTF$/gm, '');
  const known: Record<string, KernelSources> = {
    nothing: {},
    kallsyms: { kallsyms },
    'kallsyms without BTF symbols': { kallsyms: noBtf },
    'kallsyms and BTF': { kallsyms: noBtf, btf },
    'System.map': { systemMap },
    BTF: { btf },
  };
  for (const [what, sources] of Object.entries(known)) {
    await test.step(`knowing ${what}`, async () => {
      const found = await addressSpaceOfPid(machine, memory, process.pid, sources);
      // The marker register named the same tables, by an altogether different way.
      expect(found.space.root).toBe(process.space.root);
      expect(found.space.levels).toBe(process.space.levels);
      const byName = await addressSpaceOfPid(machine, memory, found.name, sources);
      expect(byName).toMatchObject({ pid: process.pid, space: { root: process.space.root } });
    });
  }
  expect((await machine.monitor.infoStatus()).running).toBe(true);
});

test('in a kernel without type information the offsets are measured, and are those of BTF', async ({
  machine,
  memory,
}) => {
  await machine.paused(async () => {
    const kernel = await findGuestKernel(await machine.monitor.infoRegisters(), memory.memory, {});
    const image = await KernelImage.locate(kernel.memory, memory.memory);
    const { comm, tasks, pid, mm, pgd } = kernel.layout;
    expect(await image.measure()).toEqual({
      initTask: kernel.initTask + BigInt(comm),
      // pid and tgid are neighbours with the same value: either will do.
      layout: { comm: 0, tasks: tasks - comm, pid: pid - 4 - comm, mm: mm - comm, pgd },
    });
  });
});

test('what cannot be found is said, with what there is', async ({ machine, memory, guest }) => {
  const find = (who: number | string, sources: KernelSources = {}): Promise<unknown> =>
    addressSpaceOfPid(machine, memory, who, sources);
  await expect(find(4_000_000)).rejects.toThrow(/no process with PID 4000000\. It has: 1 init/);
  await expect(find('nobody-is-called-so')).rejects.toThrow(/no process named "nobody-is-called-so"/);
  await expect(find('kthreadd')).rejects.toThrow(/kernel thread/);
  const twins = [await guest.spawn(['sleep', '1000']), await guest.spawn(['sleep', '1000'])];
  // A process has its name only once it has become the program.
  await guest.waitUntilSucceeds(['sh', '-c', '[ "$(pidof sleep | wc -w)" = 2 ]'], { deadlineMs: 30_000 });
  await expect(find('sleep')).rejects.toThrow(/2 processes named "sleep"/);
  for (const twin of twins) await twin.kill();

  const kallsyms = await readKallsyms(guest);
  const wrong = kallsyms.replaceAll(/^.*(init_task|asm_exc_page_fault)$/gm, 'ffffffff81234560 D $1');
  for (const sources of [{ kallsyms: wrong }, { systemMap: wrong }]) {
    await expect(find(1, sources)).rejects.toThrow(ProcessSelectionError);
  }
  await expect(find(1, { systemMap: wrong })).rejects.toThrow(/another kernel/);
  await guest.succeed(['sh', '-c', 'echo 2 > /proc/sys/kernel/kptr_restrict']);
  await expect(find(1, { kallsyms: await readKallsyms(guest) })).rejects.toThrow(/kptr_restrict/);
  // The search needs none of the guest's goodwill.
  await expect(find(1)).resolves.toMatchObject({ pid: 1, name: 'init' });
});

test.describe('with page-table isolation', () => {
  test.use({ machineOptions: { kernelArguments: 'pti=on', coldBoot: true } });

  test('the kernel is seen although a vCPU in user mode has next to nothing of it mapped', async ({
    vfio,
    machine,
    memory,
    guest,
  }) => {
    const process = await vfio.process();
    const { systemMap } = unmoved(await readKallsyms(guest));
    // Both vCPUs are in user mode: no CR3 is that of the kernel.
    for (const cpu of process.cpus)
      await guest.spawn(['taskset', '-c', String(cpu), 'sh', '-c', 'while :; do :; done']);
    for (const sources of [{}, { systemMap }]) {
      for (let round = 0; round < 5; round += 1) {
        const { space } = await addressSpaceOfPid(machine, memory, process.pid, sources);
        expect(space.root & 0x1fffn).toBe(0n);
        expect(space.root).toBe(process.space.root & ~0x1000n);
      }
      // The first instructions of an entry: in the kernel already, with the tables of user mode still.
      await machine.paused(async () => {
        const entering = (await machine.registers()).map((cpu) => ({
          ...cpu,
          cpl: 0,
          cr3: cpu.cr3 | 0x1000n,
        }));
        const { space } = await findProcess(entering, memory.memory, process.pid, { sources });
        expect(space.root).toBe(process.space.root & ~0x1000n);
      });
    }
  });
});

test.describe('with KASLR and five levels of tables', () => {
  test.use({ machineOptions: { la57: true } });

  test('the kernel is found where it was moved to', async ({ vfio, machine, memory, guest }) => {
    const process = await vfio.process();
    const kallsyms = await readKallsyms(guest);
    const { systemMap, slide } = unmoved(kallsyms);
    // One kernel in 512 is not moved at all; what is asked is that the place is found, and that is not to be had from the map.
    test.info().annotations.push({ type: 'KASLR', description: `moved by 0x${slide.toString(16)}` });
    for (const sources of [{}, { kallsyms }, { systemMap }]) {
      const { space, how } = await addressSpaceOfPid(machine, memory, process.pid, sources);
      expect(space).toMatchObject({ levels: 5, root: process.space.root });
      if ('systemMap' in sources) expect(how).toContain(`0x${slide.toString(16)}`);
    }
  });
});
