import { InfrastructureError } from '../../errors.js';
import type { CommandShell } from '../command-shell.js';
import { parseTrace } from '../trace/events.js';

/** Where the second dimension's tables begin. */
export interface NestedRoot {
  /** Physical address, in L1, of the top table. */
  readonly root: bigint;
  readonly levels: 4 | 5;
}

/** KVM's functions that load a VM's tables: (vcpu, root, level) in arch/x86/kvm/svm/svm.c and vmx/vmx.c. */
const loaders = { npt: 'svm_load_mmu_pgd', ept: 'vmx_load_mmu_pgd' } as const;

/** A trace of its own, so that whoever uses the main one does not lose it. */
const instance = '/sys/kernel/tracing/instances/e2e-nested-root';
const event = 'nested_root';

/**
 * Has the guest's kernel record every load of a VM's tables, by a probe on KVM's function: no module is needed. Begin before the VM
 * first runs, since a root that does not change is not loaded again.
 */
export async function watchNestedRoots(guest: CommandShell, mmu: keyof typeof loaders): Promise<void> {
  const definition = `p:e2e/${event} ${loaders[mmu]} root=%si level=%dx`;
  const script = `echo "$1" >> /sys/kernel/tracing/kprobe_events
    mkdir ${instance}; echo 1 > ${instance}/events/e2e/${event}/enable`;
  await guest.succeed(['sh', '-ec', script, 'sh', definition]);
}

/** The tables that were loaded last. @throws InfrastructureError when none were: no VM has run */
export async function nestedRoot(guest: CommandShell): Promise<NestedRoot> {
  const events = parseTrace(await guest.succeed(['cat', `${instance}/trace`]));
  const text = events.at(-1)?.text ?? '';
  const [, root, level] = /root=(0x[0-9a-f]+) level=0x([45])$/.exec(text) ?? [];
  if (root === undefined) {
    throw new InfrastructureError(
      `The guest's KVM has loaded no nested tables since they are watched, so their root is not known. Run the VM first. Seen: ${text || 'no event'}.`,
    );
  }
  return { root: BigInt(root), levels: level === '5' ? 5 : 4 };
}
