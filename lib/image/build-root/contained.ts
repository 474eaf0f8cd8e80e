import { withLock } from '../../host/lease/index.js';
import type { BuildContext } from '../build-context.js';
import { pack, unpack } from '../docker/archive.js';
import { openContainer, type WorkContainer } from '../docker/container.js';
import { type Engine, hasImage } from '../docker/engine.js';
import { engineRefused } from '../docker/errors.js';
import { followEngine } from '../docker/messages.js';
import { recipeFailed } from '../errors.js';
import { type BuildRoot, rootEnvironment } from './build-root.js';

/**
 * The build root as an image of an engine, imported from its folder, and a container of it that is started when it is first needed. Files
 * go in and out through the engine's interface: it may be on another computer, and needs no network.
 *
 * @param key of the build root
 * @throws ImageBuildError when the engine refuses
 */
export async function containedRoot(
  engine: Engine,
  folder: string,
  key: string,
  { progress }: BuildContext,
): Promise<BuildRoot> {
  const image = `opentdx-e2e/build-root:${key}`;
  await withLock(`root:${engine.host}`, 'imports the build root into the engine', async () => {
    if (await hasImage(engine, image)) return;
    progress(`import ${image}`);
    await importImage(engine, folder, image);
  });
  let opened: Promise<WorkContainer> | undefined;
  const container = (): Promise<WorkContainer> => (opened ??= openContainer(engine, image, rootEnvironment));
  return {
    title: `a container of ${engine.title}`,
    async run({ what, command, inputs, out }) {
      const work = await container();
      await work.run(['rm', '-rf', '/out', ...Object.keys(inputs)]);
      await work.run(['mkdir', '-p', '/out', ...Object.keys(inputs)]);
      for (const [inside, outside] of Object.entries(inputs)) await work.put(pack(outside, ['.']), inside);
      const result = await work.run(command, { onLine: progress });
      if (result.failed)
        throw recipeFailed(
          what,
          `${command.join(' ')} failed in a container`,
          `${result.stdout}\n${result.stderr}`,
        );
      await unpack(await work.get('/out'), out);
    },
    async [Symbol.asyncDispose]() {
      // One that could not be opened has said so to whoever asked for it.
      const open = await opened?.catch(() => undefined);
      await open?.[Symbol.asyncDispose]();
    },
  };
}

async function importImage(engine: Engine, folder: string, image: string): Promise<void> {
  const doing = `import ${image}`;
  const archive = pack(folder, ['.']);
  try {
    // As Docker's own client names it: Podman goes by nothing else.
    const stream = await engine.docker.importImage(archive, { repo: image }).catch((error: unknown) => {
      throw engineRefused(doing, error);
    });
    await followEngine(stream, doing, () => undefined);
  } finally {
    // An engine that refuses stops reading: tar would wait for it, and this process for tar.
    archive.destroy();
  }
}
