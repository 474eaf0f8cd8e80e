import { touch } from '../attempts.js';
import type { Ground, Route, Scene } from '../route.js';

/** The same memory at a second address. */
async function alias({ process, buffer }: Ground): Promise<bigint> {
  const { address, size, fd } = buffer;
  const from = fd === undefined ? { address } : { fd };
  return (await process.request('alias', { ...from, size })).bigint('address');
}

/** Second mappings of the same memory, whose entries are others. */
export const aliasRoutes: readonly Route[] = [
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
