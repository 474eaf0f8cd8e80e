import { touch } from '../attempts.js';
import type { Route, Scene } from '../route.js';

async function protect({ process, buffer }: Scene, ...protections: readonly string[]): Promise<void> {
  const { address, size } = buffer;
  for (const protection of protections) await process.request('mprotect', { address, size, protection });
}

/** The process changes its memory's protection, and the kernel makes the entries anew from it. */
export const mprotectRoutes: readonly Route[] = [
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
export const mremapRoutes: readonly Route[] = (['read', 'write'] as const).map((access) => ({
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
export const dontneedRoutes: readonly Route[] = (
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
