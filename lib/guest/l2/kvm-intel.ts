import { InfrastructureError } from '../../errors.js';
import { eptSpace, type AddressSpace, type EptEntry } from '../../paging/index.js';
import type { CommandShell } from '../command-shell.js';
import { parseTrace } from '../trace/events.js';

/** A trace of its own, so that whoever uses the main one does not lose it. */
const instance = '/sys/kernel/tracing/instances/e2e-ept-root';
const event = 'ept_root';

/** $1: parameters of kvm_intel. */
const load = `for module in irqbypass kvm; do insmod /lib/modules/$module.ko; done
  insmod /lib/modules/kvm-intel.ko $1
  echo 'p:e2e/${event} vmx_load_mmu_pgd root=%si:x64' >> /sys/kernel/tracing/kprobe_events
  mkdir ${instance}
  echo 1 > ${instance}/events/e2e/${event}/enable`;

const unload = `echo 0 > ${instance}/events/e2e/${event}/enable
  rmdir ${instance}
  echo '-:e2e/${event}' >> /sys/kernel/tracing/kprobe_events
  for module in kvm_intel kvm irqbypass; do rmmod $module; done`;

/**
 * Loads KVM for Intel, and has the kernel record every EPT that a VM is given, by a probe on the function that does so.
 *
 * @param parameters of the module, such as `eptad=0`
 */
export async function loadKvmIntel(guest: CommandShell, parameters = ''): Promise<void> {
  await guest.succeed(['sh', '-ec', load, 'sh', parameters]);
}

/** Unloads it; no VM may be left. */
export async function unloadKvmIntel(guest: CommandShell): Promise<void> {
  await guest.succeed(['sh', '-ec', unload]);
}

/** The EPT of the VM that ran last. @throws InfrastructureError no VM has run */
export async function lastEpt(guest: CommandShell): Promise<AddressSpace<EptEntry>> {
  const events = parseTrace(await guest.succeed(['cat', `${instance}/trace`]));
  const root = /root=(0x[0-9a-f]+)/.exec(events.at(-1)?.text ?? '')?.[1];
  if (root === undefined) {
    throw new InfrastructureError(
      "The guest's KVM has given no VM an EPT since it was loaded: run the VM first.",
    );
  }
  return eptSpace({ eptp: BigInt(root) });
}
