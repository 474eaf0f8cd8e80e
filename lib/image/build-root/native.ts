import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { findCommand, searchPath } from '../../host/find-command.js';
import type { BuildContext } from '../build-context.js';
import { recipeFailed } from '../errors.js';
import { type BuildRoot, rootEnvironment } from './build-root.js';

const enter = path.resolve(import.meta.dirname, '../../../images/build-root/enter.sh');

/** How programs enter a root folder on this host: options of unshare(1). */
export type WayIn = readonly string[];

/**
 * How programs can run in a root folder on this host; a string says why they cannot. Tried, as hosts refuse it in many ways.
 *
 * In a chroot the root is no mount, so that unshare cannot make it private; enter.sh makes private what it mounts.
 */
export async function findWayIn(folder: string): Promise<WayIn | string> {
  const unshare = await findCommand('unshare');
  if (unshare === undefined) return 'this host has no unshare (util-linux)';
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const complaints: string[] = [];
  for (const propagation of [[], ['--propagation', 'unchanged']]) {
    const way = [...user, '--mount', ...propagation];
    const { failed, stderr } = await execa(unshare, [...way, enter, folder, '--', 'true'], {
      reject: false,
      stdin: 'ignore',
      env: { PATH: searchPath(), LC_ALL: 'C' },
    });
    if (!failed) return way;
    complaints.push(stderr.trim().split('\n').at(-1) ?? '');
  }
  return `this host lets this user have no namespace of its own to build in (${complaints.join('; ')})`;
}

/** The build root in namespaces of this host: root's own, or those of a user namespace. */
export function nativeRoot(folder: string, way: WayIn, { workshop, progress }: BuildContext): BuildRoot {
  return {
    title: 'this host',
    async run({ what, command, inputs, out }) {
      const temporary = await mkdtemp(path.join(workshop.folder, 'tmp-'));
      try {
        const folders = { ...inputs, '/out': out, '/tmp': temporary };
        const pairs = Object.entries(folders).flatMap(([inside, outside]) => [outside, inside]);
        const running = execa('unshare', [...way, enter, folder, ...pairs, '--', ...command], {
          all: true,
          reject: false,
          stdin: 'ignore',
          extendEnv: false,
          env: { ...workshop.environment, ...rootEnvironment, PATH: searchPath() },
        });
        for await (const line of running.iterable({ from: 'all' })) progress(line);
        const { failed, shortMessage, all } = await running;
        if (failed) throw recipeFailed(what, shortMessage ?? 'its recipe failed', all);
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
    },
    // What it started has ended.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
