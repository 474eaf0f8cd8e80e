import { expect, test } from '@playwright/test';

import { parseGuestState } from '../../../lib/guest/state/read.js';
import { compareStates, describeDifference } from '../../../lib/guest/state/state.js';

interface Task {
  readonly pid: number;
  readonly name: string;
  readonly parent?: number;
  readonly start?: number;
  readonly flags?: number;
  readonly cgroup?: string;
}

const init = { pid: 1, name: 'systemd', parent: 0 };
const server = { pid: 50, name: 'sshd', cgroup: '/system.slice/ssh.service' };
const connection = { pid: 60, name: 'sshd', parent: 50, cgroup: '/user.slice/user-0.slice/session-1.scope' };
const reader = { pid: 70, name: 'sh', parent: 60, start: 900 };
const cat = { pid: 71, name: 'cat', parent: 70, start: 901 };
const usual: readonly Task[] = [init, server, connection, reader, cat];

interface Scene {
  readonly tasks?: readonly Task[];
  readonly taint?: number;
  readonly modules?: string;
  readonly drivers?: string;
  readonly boot?: string;
  readonly vfio?: number;
  readonly events?: string;
}

/** What the guest's script prints. */
function output({
  tasks = usual,
  taint = 0,
  modules = '',
  drivers = '',
  boot = 'b0',
  vfio,
  events = 'exceptions:page_fault_user',
}: Scene = {}): string {
  const stat = ({ pid, name, parent = 1, start = 100, flags = 0 }: Task): string =>
    `${pid} (${name}) S ${parent} 0 0 0 0 ${flags} ${'0 '.repeat(12)}${start} 0 0`;
  return [
    '@self',
    '70',
    '@boot',
    boot,
    '@taint',
    String(taint),
    '@modules',
    modules,
    '@drivers',
    drivers,
    '@mounts',
    'proc /proc proc rw 0 0',
    '@events',
    events,
    '@settings',
    '/proc/sys/vm/nr_hugepages:0',
    '/sys/kernel/mm/transparent_hugepage/enabled:always [madvise] never',
    '@files',
    '@cgroups',
    ...tasks.map(({ pid, cgroup = '/system.slice/some.service' }) => `/proc/${pid}/cgroup:0::${cgroup}`),
    '@vfio',
    ...tasks.flatMap(({ pid }) => [`/proc/${pid}/fd:`, ...(pid === vfio ? ['lrwx 3 -> /dev/vfio/7'] : [])]),
    '@processes',
    ...tasks.map(stat),
    '@end',
    '',
  ].join('\n');
}

const was = parseGuestState(output());
const difference = (scene: Scene): string[] =>
  describeDifference(compareStates(was, parseGuestState(output(scene))));

test('a guest that is as it was has no difference', () => {
  expect(difference({})).toEqual([]);
});

test("what reads the state is no stray: its shell, that one's children and its connection", () => {
  const later = { ...reader, pid: 80, parent: 60, start: 2_000 };
  const text = output({ tasks: [init, server, connection, later, { ...cat, pid: 81, parent: 80 }] });
  const state = parseGuestState(text.replace('@self\n70', '@self\n80'));
  expect(describeDifference(compareStates(was, state))).toEqual([]);
});

test('a process of a login is a stray, whatever its environment; a service and a kernel thread are none', () => {
  const login = { pid: 90, name: 'sleep', start: 950, cgroup: '/user.slice/user-0.slice/session-1.scope' };
  const service = { pid: 91, name: 'apt', start: 950, cgroup: '/system.slice/apt-daily.service' };
  const thread = { pid: 92, name: 'kworker/0:1', start: 950, parent: 2, flags: 0x200000, cgroup: '/' };
  expect(difference({ tasks: [...usual, login, service, thread] })).toEqual([
    'process 90 (sleep) is still there',
  ]);
});

test('a process that holds a VFIO device is a stray whoever started it', () => {
  const service = { pid: 91, name: 'qemu', start: 950 };
  expect(difference({ tasks: [...usual, service], vfio: 91 })).toEqual([
    'process 91 (qemu) holds a VFIO device',
  ]);
});

test('a process number that was given to another process is another process', () => {
  const known = parseGuestState(output({ tasks: [...usual, { pid: 95, name: 'a', start: 1, cgroup: '/' }] }));
  const now = parseGuestState(output({ tasks: [...usual, { pid: 95, name: 'b', start: 2, cgroup: '/' }] }));
  expect(describeDifference(compareStates(known, now))).toEqual(['process 95 (b) is still there']);
});

test('a daemon that ended, a reboot and a taint cannot be undone; the taint of a module can be lived with', () => {
  expect(difference({ tasks: usual.filter(({ name }) => name !== 'systemd') })).toEqual([
    'systemd does not run any more',
  ]);
  expect(difference({ boot: 'b1' })).toEqual(['the guest has rebooted']);
  expect(difference({ taint: (1 << 7) | (1 << 12) })).toEqual([
    'its kernel is tainted (0x80 more than before)',
  ]);
  expect(difference({ taint: (1 << 12) | (1 << 13) })).toEqual([]);
});

test('a device without the driver that it had cannot be undone; one that was given to vfio-pci may stay', () => {
  const driver = (name: string): string =>
    `lrwxrwxrwx 1 root root 0 Jan 1 00:00 /sys/bus/pci/devices/0000:00:10.0/driver -> ../../../bus/pci/drivers/${name}`;
  expect(difference({ drivers: driver('vfio-pci') })).toEqual([]);
  expect(difference({ drivers: driver('e1000') })).toEqual([
    'device 0000:00:10.0 has driver e1000, and had none',
  ]);
});

test('modules are removed newest first', () => {
  const state = parseGuestState(output({ modules: 'newest 1 0 - Live 0x0\nolder 2 1 newest, Live 0x0' }));
  expect(compareStates(was, state).addedModules).toEqual(['newest', 'older']);
  expect(was.settings.get('/sys/kernel/mm/transparent_hugepage/enabled')).toBe('madvise');
});

test('a state that was not told to its end is no state', () => {
  expect(() => parseGuestState(output().replace('@end', ''))).toThrow(/could not be read to its end/);
});

test('trace events are told apart, also where others are enabled all along', () => {
  const difference = compareStates(was, parseGuestState(output({ events: 'kprobes:left\nkvm:kvm_exit' })));
  expect(difference.addedEvents).toEqual(['kprobes:left', 'kvm:kvm_exit']);
  expect(difference.missingEvents).toEqual(['exceptions:page_fault_user']);
  expect(describeDifference(difference)).toEqual([
    'trace event kprobes:left is enabled',
    'trace event kvm:kvm_exit is enabled',
    'trace event exceptions:page_fault_user is not enabled any more',
  ]);
});
