/** What a test may change in a guest and the next test must not meet. */
export interface GuestState {
  /** Another one: the guest has rebooted. */
  readonly bootId: string;
  /** /proc/sys/kernel/tainted. */
  readonly taint: bigint;
  /** Loaded modules with their sizes, newest first: another size under the same name is another module. */
  readonly modules: ReadonlyMap<string, number>;
  /** PCI devices with their drivers. */
  readonly drivers: ReadonlyMap<string, string>;
  /** Mount points, in the order of mounting. */
  readonly mounts: readonly string[];
  /** Enabled trace events, `system:event`. */
  readonly events: readonly string[];
  /** Files of /proc/sys and /sys that specs write, with their content. */
  readonly settings: ReadonlyMap<string, string>;
  /** Temporary files. */
  readonly files: readonly string[];
  /** What runs in user mode, except for what read this. */
  readonly processes: readonly GuestTask[];
}

export interface GuestTask {
  readonly pid: number;
  /** In clock ticks since boot: with the number, what tells one process from another. */
  readonly start: number;
  readonly name: string;
  /** A service of systemd's other than ssh's started it: no test did. */
  readonly isService: boolean;
  /** It has a VFIO container, group or device open. */
  readonly holdsVfio: boolean;
}

/** What stands between a guest as it is and a guest as it was. */
export interface Difference {
  /** To be killed. */
  readonly strays: readonly GuestTask[];
  /** To be removed, in this order. */
  readonly addedModules: readonly string[];
  readonly missingModules: readonly string[];
  /** To be disabled. */
  readonly addedEvents: readonly string[];
  readonly missingEvents: readonly string[];
  /** File and content to be restored. */
  readonly settings: readonly (readonly [string, string])[];
  /** To be unmounted, in this order. */
  readonly addedMounts: readonly string[];
  /** To be deleted. */
  readonly files: readonly string[];
  /** What cannot be undone: reasons to boot anew. */
  readonly problems: readonly string[];
}

/** Out-of-tree and unsigned modules taint a kernel by being loaded, and do it no harm (kernel: O and E, bits 12 and 13). */
const harmlessTaint = (1n << 12n) | (1n << 13n);

/** A guest without one of these that it had is not the guest that it was. What else ends may have had its day. */
const daemons =
  /^(?:sshd|dropbear|systemd(?:-journal|-udevd|-logind)?|dbus-daemon|a?getty|r?syslogd|klogd|cron|init)$/;

export function compareStates(was: GuestState, is: GuestState): Difference {
  const problems: string[] = [];
  if (is.bootId !== was.bootId) problems.push('the guest has rebooted');
  const newTaint = is.taint & ~was.taint & ~harmlessTaint;
  if (newTaint !== 0n) problems.push(`its kernel is tainted (0x${newTaint.toString(16)} more than before)`);
  for (const [name, size] of was.modules) {
    const now = is.modules.get(name);
    if (now !== undefined && now !== size) problems.push(`module ${name} is another one than before`);
  }
  for (const device of new Set([...was.drivers.keys(), ...is.drivers.keys()])) {
    const [before, now] = [was.drivers.get(device), is.drivers.get(device)];
    // Specs give further devices to vfio-pci; nobody but them wants those.
    if (before !== now && now !== 'vfio-pci')
      problems.push(`device ${device} has driver ${now ?? 'none'}, and had ${before ?? 'none'}`);
  }
  for (const mount of was.mounts.filter((each) => !is.mounts.includes(each)))
    problems.push(`${mount} is not mounted any more`);
  const names = new Set(is.processes.map(({ name }) => name));
  for (const { name } of was.processes)
    if (daemons.test(name) && !names.has(name)) problems.push(`${name} does not run any more`);
  const known = new Set(was.processes.map(identity));
  const added = is.processes.filter((task) => !known.has(identity(task)));
  return {
    strays: added.filter(({ isService, holdsVfio }) => !isService || holdsVfio),
    addedModules: [...is.modules.keys()].filter((name) => !was.modules.has(name)),
    missingModules: [...was.modules.keys()].filter((name) => !is.modules.has(name)).reverse(),
    addedEvents: is.events.filter((event) => !was.events.includes(event)),
    missingEvents: was.events.filter((event) => !is.events.includes(event)),
    settings: [...was.settings].filter(
      ([file, value]) => is.settings.has(file) && is.settings.get(file) !== value,
    ),
    addedMounts: is.mounts
      .slice()
      .reverse()
      .filter((mount) => !was.mounts.includes(mount)),
    files: is.files.filter((file) => !was.files.includes(file)),
    problems: [...new Set(problems)],
  };
}

function identity({ pid, start }: GuestTask): string {
  return `${pid} ${start}`;
}

/** In words, one line each; none when the guest is as it was. */
export function describeDifference(difference: Difference): string[] {
  const { strays, addedModules, missingModules, addedEvents, missingEvents } = difference;
  const { settings, addedMounts, files, problems } = difference;
  return [
    ...problems,
    ...strays.map(
      ({ pid, name, holdsVfio }) =>
        `process ${pid} (${name}) ${holdsVfio ? 'holds a VFIO device' : 'is still there'}`,
    ),
    ...addedModules.map((name) => `module ${name} is loaded`),
    ...missingModules.map((name) => `module ${name} is not loaded any more`),
    ...addedEvents.map((event) => `trace event ${event} is enabled`),
    ...missingEvents.map((event) => `trace event ${event} is not enabled any more`),
    ...settings.map(([file]) => `${file} is not what it was`),
    ...addedMounts.map((mount) => `${mount} is mounted`),
    ...files.map((file) => `${file} is left over`),
  ];
}
