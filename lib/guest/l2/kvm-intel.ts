import { InfrastructureError } from '../../errors.js';
import { eptSpace, type AddressSpace, type EptEntry } from '../../paging/index.js';
import type { CommandShell } from '../command-shell.js';
import { check, text } from '../../validate/index.js';
import { guestPhysicalWidth } from '../cpuinfo.js';
import { parseTrace } from '../trace/events.js';
import { readTrace } from '../trace/read-trace.js';

/** A trace of its own, so that whoever uses the main one does not lose it. */
const instance = '/sys/kernel/tracing/instances/e2e-ept-root';
const event = 'ept_root';
const vmcsEvent = 'vmcs';

/** $1: parameters of kvm_intel. */
const load = `for module in irqbypass kvm; do insmod /lib/modules/$module.ko; done
  insmod /lib/modules/kvm-intel.ko $1
  echo 'p:e2e/${event} vmx_load_mmu_pgd root=%si:x64' >> /sys/kernel/tracing/kprobe_events
  echo 'r:e2e/${vmcsEvent} alloc_vmcs_cpu address=$retval:x64' >> /sys/kernel/tracing/kprobe_events
  mkdir ${instance}
  for event in ${event} ${vmcsEvent}; do echo 1 > ${instance}/events/e2e/$event/enable; done`;

const unload = `for event in ${event} ${vmcsEvent}; do echo 0 > ${instance}/events/e2e/$event/enable; done
  rmdir ${instance}
  for event in ${event} ${vmcsEvent}; do echo "-:e2e/$event" >> /sys/kernel/tracing/kprobe_events; done
  for module in kvm_intel kvm irqbypass; do rmmod $module; done`;

/**
 * Loads KVM for Intel, and has the kernel record every EPT that a VM is given, by a probe on the function that does so, and
 * where the VM's VMCS lies.
 *
 * @param parameters of the module, such as `eptad=0`
 */
export async function loadKvmIntel(guest: CommandShell, parameters = ''): Promise<void> {
  check(
    'kvm_intel',
    'parameters',
    text(/^(?:\w+=\w+(?: |$))*$/, "parameters, such as 'eptad=0 nested=0'"),
    parameters,
  );
  await guest.succeed(['sh', '-ec', load, 'sh', parameters]);
}

/** Unloads it; no VM may be left. */
export async function unloadKvmIntel(guest: CommandShell): Promise<void> {
  await guest.succeed(['sh', '-ec', unload]);
}

/** The EPT of the VM that ran last. @throws InfrastructureError no VM has run */
export async function lastEpt(guest: CommandShell): Promise<AddressSpace<EptEntry>> {
  const maxPhysicalAddress = await guestPhysicalWidth(guest);
  return eptSpace({ eptp: await lastRecorded(guest, event, 'root'), maxPhysicalAddress });
}

/** Linear address of the VMCS of the VM that was made last. @throws InfrastructureError no VM was made */
export async function lastVmcs(guest: CommandShell): Promise<bigint> {
  return await lastRecorded(guest, vmcsEvent, 'address');
}

async function lastRecorded(guest: CommandShell, name: string, field: string): Promise<bigint> {
  const events = parseTrace(await readTrace(guest, instance));
  const last = events.filter((each) => each.name === name).at(-1);
  const value = new RegExp(`${field}=(0x[0-9a-f]+)`).exec(last?.text ?? '')?.[1];
  if (value === undefined) {
    throw new InfrastructureError(
      `The guest's KVM has given no VM its ${name} since it was loaded: make a VM, and run it, first.`,
    );
  }
  return BigInt(value);
}
