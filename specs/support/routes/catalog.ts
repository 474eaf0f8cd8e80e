import { type Attempt, type Ground, kcoreOffset, type Route, type Scene, touch, viaKernel } from './route.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';

const ownAccess = (access: 'read' | 'write' | 'execute') => (scene: Scene) =>
  touch(scene, access, scene.buffer.address);

/** What the process itself does with its address, without changing anything first. */
const ownRoutes: readonly Route[] = [
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
const kernelRoutes: readonly Route[] = (
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

/** The same memory at a second address. */
async function alias({ process, buffer }: Ground): Promise<bigint> {
  const { address, size, fd } = buffer;
  const from = fd === undefined ? { address } : { fd };
  return (await process.request('alias', { ...from, size })).bigint('address');
}

/** Second mappings of the same memory, whose entries are others. */
const aliasRoutes: readonly Route[] = [
  ...(['memfd', 'shared'] as const).flatMap((memory) =>
    (['read', 'write'] as const).flatMap((access) => [
      {
        name: `alias-later-${memory}-${access}`,
        title: `a second mapping of ${memory} memory, made later: a ${access}`,
        memory,
        access,
        attempt: async (scene: Scene) => touch(scene, access, await alias(scene)),
      },
      {
        name: `alias-earlier-${memory}-${access}`,
        title: `a second mapping of ${memory} memory, made before: a ${access}`,
        memory,
        access,
        prepare: alias,
        attempt: (scene: Scene) => touch(scene, access, scene.prepared),
      },
    ]),
  ),
];

async function protect({ process, buffer }: Scene, ...protections: readonly string[]): Promise<void> {
  const { address, size } = buffer;
  for (const protection of protections) await process.request('mprotect', { address, size, protection });
}

/** The process changes its memory's protection, and the kernel makes the entries anew from it. */
const mprotectRoutes: readonly Route[] = [
  {
    name: 'mprotect-ro-read',
    title: 'mprotect to read-only, then a read',
    access: 'read',
    attempt: async (scene) => {
      await protect(scene, 'r');
      return touch(scene, 'read', scene.buffer.address);
    },
  },
  ...(['read', 'write'] as const).map((access) => ({
    name: `mprotect-ro-rw-${access}`,
    title: `mprotect to read-only and back, then a ${access}`,
    access,
    attempt: async (scene: Scene) => {
      await protect(scene, 'r', 'rw');
      return touch(scene, access, scene.buffer.address);
    },
  })),
  {
    name: 'mprotect-none-rw-read',
    title: 'mprotect to no access and back, then a read',
    access: 'read',
    attempt: async (scene) => {
      await protect(scene, '', 'rw');
      return touch(scene, 'read', scene.buffer.address);
    },
  },
  {
    name: 'mprotect-same-read',
    title: 'mprotect to what it has, then a read',
    access: 'read',
    attempt: async (scene) => {
      await protect(scene, 'rw');
      return touch(scene, 'read', scene.buffer.address);
    },
  },
];

/** The process moves its memory: the entries go along as they are. */
const mremapRoutes: readonly Route[] = (['read', 'write'] as const).map((access) => ({
  name: `mremap-${access}`,
  title: `mremap to another address, then a ${access} there`,
  access,
  attempt: async (scene) => {
    const { address, size } = scene.buffer;
    const place = await scene.process.alloc({ pages: Number(size / 4096n), populate: false });
    const moved = await scene.process.request('mremap', { address, size, to: place.address });
    return touch(scene, access, moved.bigint('address'));
  },
}));

/** The process drops its entries, and a new fault makes new ones. */
const dontneedRoutes: readonly Route[] = (
  [
    ['anonymous', 'read', 'a new page of zeros'],
    ['shared', 'read', 'the same frame'],
    ['shared', 'write', 'the same frame'],
    ['memfd', 'read', 'the same frame'],
  ] as const
).map(([memory, access, note]) => ({
  name: `dontneed-${memory}-${access}`,
  title: `MADV_DONTNEED, then a ${access}, ${memory} memory (${note})`,
  memory,
  access,
  attempt: async (scene) => {
    const { address, size } = scene.buffer;
    await scene.process.request('madvise', { address, size, advice: 'dontneed' });
    return touch(scene, access, address);
  },
}));

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
const otherProcessRoutes: readonly Route[] = observers.map(({ name, title, access, route }) => ({
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
const forkRoutes: readonly Route[] = afterFork.map(({ memory, access, note }) => ({
  name: `fork-${memory}-${access}`,
  title: `a child forked later ${access}s, ${memory} memory (${note})`,
  memory,
  access,
  attempt: async (scene) => touch(scene, access, scene.buffer.address, await scene.process.fork()),
}));

/** Enough for the ELF header and the program headers of a guest with many memory ranges. */
const headerBytes = 64 * 1024;

async function readKcore({ guest, frame }: Scene): Promise<Attempt> {
  const header = await guest.run(['head', '-c', String(headerBytes), '/proc/kcore'], { binary: true });
  if (header.exitCode !== 0) return refused(header.stderr.toString());
  const offset = kcoreOffset(header.stdout, frame);
  if (offset === undefined) return { outcome: 'refused', why: 'the frame is in none of its segments' };
  const dd = ['dd', 'if=/proc/kcore', 'bs=8', 'count=1', `skip=${(offset / 8n).toString()}`];
  const data = await guest.run(dd, { binary: true });
  if (data.exitCode !== 0) return refused(data.stderr.toString());
  if (data.stdout.length !== 8) return { outcome: 'refused', why: `${data.stdout.length} of 8 bytes` };
  return { outcome: 'done', value: data.stdout.readBigUInt64LE() };
}

async function readDevMem({ guest, frame }: Scene): Promise<Attempt> {
  const { exitCode, stdout, stderr } = await guest.run(['devmem', `0x${frame.toString(16)}`, '64']);
  return exitCode === 0 ? { outcome: 'done', value: BigInt(stdout.trim()) } : refused(stderr);
}

/** The last words that a program said, which hold strerror's. */
function refused(stderr: string): Attempt {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return { outcome: 'refused', why: last.slice(-80) };
}

/** Root looks at physical memory. */
const physicalRoutes: readonly Route[] = [
  { name: 'dev-mem', title: 'root maps the frame from /dev/mem', access: 'read', attempt: readDevMem },
  { name: 'kcore', title: 'root reads the frame from /proc/kcore', access: 'read', attempt: readKcore },
];

/** Every route that is known, in the order in which a table shows them. */
export const routes: readonly Route[] = [
  ...ownRoutes,
  ...mprotectRoutes,
  ...mremapRoutes,
  ...dontneedRoutes,
  ...forkRoutes,
  ...aliasRoutes,
  ...kernelRoutes,
  ...otherProcessRoutes,
  ...physicalRoutes,
];

/** Whether DMA can be mapped in this guest by ways that the change in vfio_iommu_type1 does not see. */
export interface UncoveredPaths {
  readonly iommufd: boolean;
  /** For a report. */
  readonly text: string;
}

/** Looks whether the guest's kernel has iommufd (Linux 6.2 and later with CONFIG_IOMMUFD), whose DMA is not type1's. */
export async function uncoveredPaths(process: VfioProcess): Promise<UncoveredPaths> {
  const iommufd = (await process.request('hello')).flag('iommufd');
  const text = iommufd
    ? 'not covered: this kernel has /dev/iommu; DMA mapped through iommufd, or through its VFIO compatibility, passes vfio_iommu_type1 by'
    : 'none: this kernel has no iommufd (/dev/iommu), all of VFIO goes through vfio_iommu_type1';
  return { iommufd, text };
}
