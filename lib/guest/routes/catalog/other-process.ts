import { touch, viaKernel } from '../attempts.js';
import type { Ground, Route } from '../route.js';

/** A child that is there before the mapping, and looks at its parent from outside. */
async function forked({ process }: Ground): Promise<bigint> {
  return BigInt((await process.request('fork')).number('child'));
}

const observers = [
  { name: 'vm-readv-other', title: 'process_vm_readv', access: 'read', route: 'processVmReadv' },
  { name: 'vm-writev-other', title: 'process_vm_writev', access: 'write', route: 'processVmWritev' },
  { name: 'proc-mem-read-other', title: 'pread of /proc/PID/mem', access: 'read', route: 'procMemRead' },
  { name: 'proc-mem-write-other', title: 'pwrite to /proc/PID/mem', access: 'write', route: 'procMemWrite' },
  { name: 'ptrace-peek', title: 'PTRACE_PEEKDATA', access: 'read', route: 'ptracePeek' },
  { name: 'ptrace-poke', title: 'PTRACE_POKEDATA', access: 'write', route: 'ptracePoke' },
] as const;

/** Another process reaches into the one that mapped. */
export const otherProcessRoutes: readonly Route[] = observers.map(({ name, title, access, route }) => ({
  name,
  title: `another process: ${title}`,
  access,
  prepare: forked,
  attempt: (scene) => viaKernel(scene, route, { pid: scene.process.pid, child: scene.prepared }),
}));

const afterFork = [
  { memory: 'anonymous', access: 'read', note: 'a copy of its own' },
  { memory: 'shared', access: 'read', note: 'the same frame' },
  { memory: 'shared', access: 'write', note: 'the same frame' },
] as const;

/** A child made after the mapping, with the parent's memory at the same address. */
export const forkRoutes: readonly Route[] = afterFork.map(({ memory, access, note }) => ({
  name: `fork-${memory}-${access}`,
  title: `a child forked later ${access}s, ${memory} memory (${note})`,
  memory,
  access,
  attempt: async (scene) => touch(scene, access, scene.buffer.address, await forked(scene)),
}));
