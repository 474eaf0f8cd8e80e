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
export const kernelRoutes: readonly Route[] = [
  {
    name: 'write-syscall',
    title: 'write(2) from the page',
    access: 'read',
    attempt: (scene) => viaKernel(scene, 'write'),
  },
  {
    name: 'read-syscall',
    title: 'read(2) into the page',
    access: 'write',
    attempt: (scene) => viaKernel(scene, 'read'),
  },
  {
    name: 'vm-readv-self',
    title: 'process_vm_readv of itself',
    access: 'read',
    attempt: (scene) => viaKernel(scene, 'processVmReadv'),
  },
  {
    name: 'vm-writev-self',
    title: 'process_vm_writev to itself',
    access: 'write',
    attempt: (scene) => viaKernel(scene, 'processVmWritev'),
  },
  {
    name: 'proc-mem-read-self',
    title: 'pread of /proc/self/mem',
    access: 'read',
    attempt: (scene) => viaKernel(scene, 'procMemRead'),
  },
  {
    name: 'proc-mem-write-self',
    title: 'pwrite to /proc/self/mem',
    access: 'write',
    attempt: (scene) => viaKernel(scene, 'procMemWrite'),
  },
];
