import { UnsupportedOptionError } from './errors.js';
import { flag, listOf, oneOf, optional, type Rule, shape, text, whole } from '../validate/index.js';

/** What a spec may ask of its machine, on any stack. A stack that cannot give it says so instead of giving something else. */
export interface MachineOptions {
  /** RAM as QEMU's -m takes it, a whole number of `m` or `g`: `512m`, `1g`. Below 512 MiB Debian's kernel turns transparent huge pages off. */
  readonly memory: string;
  /** 1 to 288, the most that QEMU's q35 takes (hw/i386/pc_q35.c). */
  readonly vcpus: number;
  /** `auto`: KVM where a guest was seen to run to its end under it, else TCG. */
  readonly accel: 'auto' | 'kvm' | 'tcg';
  /** QEMU's -cpu argument; the launcher's own choice when left out. */
  readonly cpu?: string;
  /** Five levels of page tables: a kernel that turns them on at boot, and a CPU that has them (LA57) unless `cpu` says otherwise. */
  readonly la57: boolean;
  /** Added to the kernel command line. */
  readonly kernelArguments?: string;
  /** QEMU's -device argument of the PCI device to pass through; the launcher's own choice when left out. */
  readonly device?: string;
  /** Further -device arguments of QEMU's. */
  readonly devices?: readonly string[];
  /** Launch with `DEBUG` set: the VM starts stopped, gdb stub open, and the harness continues it. */
  readonly debug: boolean;
  /** Boot the machine even where it could be restored from a snapshot. */
  readonly coldBoot: boolean;
}

export const defaultMachineOptions: MachineOptions = {
  memory: '1g',
  vcpus: 2,
  la57: false,
  accel: 'auto',
  debug: false,
  coldBoot: false,
};

const word = text(/^[^\s,](?:.*\S)?$/, "an argument of QEMU's, such as 'e1000e'");

export const memoryRule = text(/^[1-9]\d*[mg]$/i, "a size in MiB or GiB, such as '512m' or '2g'");

export const pciAddress = text(
  /^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/,
  "a PCI address, such as '0000:01:00.0'",
);

/** What a spec may say of its machine: any of the options. */
export const machineOptionsRule: Rule<Partial<MachineOptions>> = shape<Partial<MachineOptions>>({
  memory: optional(memoryRule),
  vcpus: optional(whole(1, 288, 'vCPUs')),
  accel: optional(oneOf(['auto', 'kvm', 'tcg'])),
  cpu: optional(word),
  la57: optional(flag),
  kernelArguments: optional(text(/^[^\n\0]*$/, "one line, such as 'nokaslr pti=on'")),
  device: optional(word),
  devices: optional(listOf(word)),
  debug: optional(flag),
  coldBoot: optional(flag),
});

/**
 * Refuses what a stack cannot give; nobody gets another machine than the one that was asked for.
 *
 * @param who 'Bochs'
 * @param takes the options that it can give, beside coldBoot
 * @param usual what its machines are like when nothing is asked
 * @throws UnsupportedOptionError naming the first option that is not among them, and those that are
 */
export function requireTaken(
  who: string,
  options: MachineOptions,
  takes: readonly (keyof MachineOptions)[],
  usual: MachineOptions = defaultMachineOptions,
): void {
  const given = [...takes, 'coldBoot'];
  const asked = Object.entries(options).find(
    ([name, value]) => !given.includes(name) && value !== usual[name as keyof MachineOptions],
  );
  if (!asked) return;
  throw new UnsupportedOptionError(
    `${who} cannot give a machine ${asked[0]}: ${JSON.stringify(asked[1])}: of machineOptions it takes ${given.join(', ')}.`,
  );
}
