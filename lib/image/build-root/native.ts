import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { findCommand, searchPath } from '../../host/find-command.js';
import type { BuildContext } from '../build-context.js';
import { recipeFailed } from '../errors.js';
import { type BuildRoot, rootEnvironment } from './build-root.js';

const enter = path.resolve(import.meta.dirname, '../../../images/build-root/enter.sh');

/** Why programs cannot run in a root folder on this host; undefined if they can. Tried, as hosts refuse it in many ways. */
export async function nativeObstacle(folder: string): Promise<string | undefined> {
  const command = await entering(folder, {}, ['true']);
  if (typeof command === 'string') return command;
  const { failed, stderr } = await execa(command.file, command.args, {
    reject: false,
    stdin: 'ignore',
    env: { PATH: searchPath() },
  });
  if (!failed) return undefined;
  const words = stderr.trim().split('\n').at(-1) ?? '';
  return `this host lets this user have no namespace of its own to build in (${words})`;
}

/** The build root in namespaces of this host: root's own, or those of a user namespace. */
export function nativeRoot(folder: string, { workshop, progress }: BuildContext): BuildRoot {
  return {
    title: 'this host',
    async run({ what, command, inputs, out }) {
      const temporary = await mkdtemp(path.join(workshop.folder, 'tmp-'));
      try {
        const folders = { ...inputs, '/out': out, '/tmp': temporary };
        const entered = await entering(folder, folders, command);
        if (typeof entered === 'string') throw recipeFailed(what, entered, '');
        const running = execa(entered.file, entered.args, {
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

/** The command line that enters the root; a string says why there is none. */
async function entering(
  folder: string,
  folders: Readonly<Record<string, string>>,
  command: readonly string[],
): Promise<{ file: string; args: readonly string[] } | string> {
  const unshare = await findCommand('unshare');
  if (unshare === undefined) return 'this host has no unshare (util-linux)';
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const pairs = Object.entries(folders).flatMap(([inside, outside]) => [outside, inside]);
  return { file: unshare, args: [...user, '--mount', enter, folder, ...pairs, '--', ...command] };
}
