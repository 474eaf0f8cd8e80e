import { touch, viaKernel } from '../attempts.js';
import type { Route, Scene } from '../route.js';

const ownAccess = (access: 'read' | 'write' | 'execute') => (scene: Scene) =>
  touch(scene, access, scene.buffer.address);

/** What the process itself does with its address, without changing anything first. */
export const ownRoutes: readonly Route[] = [
  { name: 'read', title: 'the process reads', access: 'read', attempt: ownAccess('read') },
  { name: 'write', title: 'the process writes', access: 'write', attempt: ownAccess('write') },
  {
    name: 'execute',
    title: 'the process executes',
    protection: 'rwx',
    access: 'execute',
    attempt: ownAccess('execute'),
  },
  ...(['thp', 'hugetlb'] as const).flatMap((memory) =>
    (['read', 'write'] as const).map((access) => ({
      name: `${memory}-${access}`,
      title: `the process ${access}s, ${memory === 'thp' ? 'transparent huge' : 'hugetlb'} page`,
      memory,
      access,
      attempt: ownAccess(access),
    })),
  ),
];

/** The kernel moves the bytes on the process's behalf, by its own rights. */
export const kernelRoutes: readonly Route[] = (
  [
    ['write-syscall', 'write(2) from the page', 'read', 'write'],
    ['read-syscall', 'read(2) into the page', 'write', 'read'],
    ['vm-readv-self', 'process_vm_readv of itself', 'read', 'processVmReadv'],
    ['vm-writev-self', 'process_vm_writev to itself', 'write', 'processVmWritev'],
    ['proc-mem-read-self', 'pread of /proc/self/mem', 'read', 'procMemRead'],
    ['proc-mem-write-self', 'pwrite to /proc/self/mem', 'write', 'procMemWrite'],
  ] as const
).map(([name, title, access, call]) => ({
  name,
  title,
  access,
  attempt: (scene: Scene) => viaKernel(scene, call),
}));
