import { InfrastructureError } from '../../errors.js';
import type { Guest } from '../command-shell.js';
import type { GuestState, GuestTask } from './state.js';

/** What specs write, and what a driver may be told. Those that a kernel does not have are left out. */
const settings = [
  '/proc/sys/vm/{nr_hugepages,overcommit_memory,compact_unevictable_allowed}',
  '/proc/sys/kernel/{printk,watchdog_thresh,hung_task_timeout_secs,panic,panic_on_oops,panic_on_warn}',
  '/sys/kernel/mm/transparent_hugepage/{enabled,defrag,shmem_enabled}',
  '/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout',
  '/sys/module/vfio_iommu_type1/parameters/*',
  '/sys/kernel/tracing/{kprobe_events,tracing_on,current_tracer}',
].flatMap(braces);

/** Its lines are `system:event`; what is written to it is enabled, with a `!` before it disabled. */
export const enabledEvents = '/sys/kernel/tracing/set_event';

/** Sections that begin with a line `@name`; each is one program's work, as starting one takes milliseconds in an emulated guest. */
const script = `
exec 2>/dev/null
echo @self; echo $$
echo @boot; cat /proc/sys/kernel/random/boot_id
echo @taint; cat /proc/sys/kernel/tainted
echo @modules; cat /proc/modules
echo @drivers; ls -ld /sys/bus/pci/devices/*/driver
echo @mounts; cat /proc/mounts
echo @events; cat ${enabledEvents}
echo @settings; grep -H '' ${settings.join(' ')} /dev/null
echo @files; find /tmp /dev/shm -mindepth 1 -maxdepth 1
echo @cgroups; grep -H '^0:' /proc/[0-9]*/cgroup
echo @vfio; ls -l /proc/[0-9]*/fd | grep -e '^/proc/' -e ' /dev/vfio/'
echo @processes; cat /proc/[0-9]*/stat
echo @end`;

/** @throws InfrastructureError when the guest does not tell */
export async function readGuestState(guest: Guest): Promise<GuestState> {
  const { stdout } = await guest.shell(script, { timeoutMs: 60_000, maxOutputBytes: 16 << 20 });
  return parseGuestState(stdout);
}

/** What the script printed. */
export function parseGuestState(output: string): GuestState {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of output.split('\n')) {
    const name = /^@(\w+)$/.exec(line)?.[1];
    if (name === undefined) current.push(line);
    else sections.set(name, (current = []));
  }
  if (!sections.has('end'))
    throw new InfrastructureError(`The guest's state could not be read to its end: ${output.slice(-300)}`);
  const lines = (name: string): string[] => (sections.get(name) ?? []).filter((line) => line !== '');
  return {
    bootId: lines('boot')[0] ?? '',
    taint: BigInt(lines('taint')[0] ?? '0'),
    modules: new Map(
      lines('modules').map((line) => {
        const [name = '', size = ''] = line.split(' ');
        return [name, Number(size)];
      }),
    ),
    drivers: new Map(
      lines('drivers').flatMap((line) => {
        const match = /\/devices\/(\S+)\/driver -> .*\/([^/]+)$/.exec(line);
        return match ? [[match[1] ?? '', match[2] ?? '']] : [];
      }),
    ),
    mounts: lines('mounts').map((line) => line.split(' ')[1] ?? ''),
    events: lines('events'),
    settings: settingsOf(lines('settings')),
    files: lines('files'),
    processes: tasksOf(lines('processes'), {
      self: Number(lines('self')[0]),
      services: servicesOf(lines('cgroups')),
      vfio: vfioHolders(lines('vfio')),
    }),
  };
}

/** `FILE:content`; several lines of one file are kept together. */
function settingsOf(lines: readonly string[]): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of lines) {
    const [, file, value] = /^(\/[^:]+):(.*)$/.exec(line) ?? [];
    if (file === undefined || value === undefined) continue;
    const before = settings.get(file);
    settings.set(file, before === undefined ? chosen(value) : `${before}\n${chosen(value)}`);
  }
  // A file without a line says nothing to grep, and is as empty as it was.
  if (!settings.has(kprobes)) settings.set(kprobes, '');
  return settings;
}

const kprobes = '/sys/kernel/tracing/kprobe_events';

/** `always [madvise] never` means, and takes, `madvise`. */
function chosen(value: string): string {
  return /\[([^\]]+)\]/.exec(value)?.[1] ?? value;
}

/** Of systemd's cgroups, all but the sessions of users and ssh's own are services. */
function servicesOf(lines: readonly string[]): Set<number> {
  return new Set(
    lines.flatMap((line) => {
      const [, pid, cgroup] = /^\/proc\/(\d+)\/cgroup:0::(.*)$/.exec(line) ?? [];
      return pid !== undefined && cgroup !== undefined && cgroup !== '/' && !/user\.slice|\/ssh/.test(cgroup)
        ? [Number(pid)]
        : [];
    }),
  );
}

/** `/proc/PID/fd:`, followed by the descriptors that lead to VFIO. */
function vfioHolders(lines: readonly string[]): Set<number> {
  const holders = new Set<number>();
  let pid = 0;
  for (const line of lines) {
    const head = /^\/proc\/(\d+)\/fd:$/.exec(line)?.[1];
    if (head === undefined) holders.add(pid);
    else pid = Number(head);
  }
  return holders;
}

/** PF_KTHREAD, include/linux/sched.h. */
const kernelThread = 0x200000;

/** Fields as in proc(5): the name may hold blanks and parentheses. */
function tasksOf(
  lines: readonly string[],
  { self, services, vfio }: { self: number; services: ReadonlySet<number>; vfio: ReadonlySet<number> },
): GuestTask[] {
  const parents = new Map<number, number>();
  const tasks = lines.flatMap((line) => {
    const match = /^(\d+) \((.*)\) (\S.*)$/.exec(line);
    if (!match) return [];
    const [, number = '', name = '', rest = ''] = match;
    const pid = Number(number);
    const fields = rest.split(' ');
    parents.set(pid, Number(fields[1]));
    if (fields[0] === 'Z' || (Number(fields[6]) & kernelThread) !== 0) return [];
    const start = Number(fields[19]);
    return [{ pid, start, name, isService: services.has(pid), holdsVfio: vfio.has(pid) }];
  });
  const lineage = (pid: number): number[] => {
    const up: number[] = [];
    for (let each = pid; each > 1 && !up.includes(each); each = parents.get(each) ?? 0) up.push(each);
    return up;
  };
  // What read this: its shell, what that started, and the server's processes for its connection.
  const own = new Set(lineage(self));
  return tasks.filter(({ pid }) => !own.has(pid) && !lineage(pid).includes(self));
}

/** `/a/{b,c}` as the shell would expand it; /bin/sh need not. */
function braces(pattern: string): string[] {
  const match = /^(.*)\{(.*)\}$/.exec(pattern);
  return match ? (match[2] ?? '').split(',').map((each) => `${match[1] ?? ''}${each}`) : [pattern];
}
