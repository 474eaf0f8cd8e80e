import path from 'node:path';

import type { BuildSite } from '../build-site.js';
import { ImageBuildError } from '../errors.js';
import { recipeFailed } from '../recipe.js';
import { referenceRecipe } from '../reference-image.js';
import { pack, unpack } from './archive.js';
import { type BuilderImageOptions, ensureBuilderImage } from './builder-image.js';
import { openContainer, type WorkContainer } from './container.js';

/**
 * A container of an engine as the build site. It is started when it is first needed and ends with this process. Files go in and out through the
 * engine's interface, so that the engine may be on another computer.
 *
 * @throws ImageBuildError when the image with the build tools is not there and cannot be made
 */
export async function dockerSite(options: BuilderImageOptions): Promise<BuildSite> {
  const { engine } = options;
  const image = await ensureBuilderImage(options);
  const { Id: state } = await engine.docker.getImage(image).inspect();
  let opened: Promise<WorkContainer> | undefined;
  const container = (): Promise<WorkContainer> => (opened ??= openContainer(engine, image));
  const makeFolder = async (name: string): Promise<void> => {
    await (await container()).run(['mkdir', '-p', name]);
  };
  return {
    name: 'docker',
    title: `a container of ${engine.title}`,
    state,
    run: async (command, args) => await (await container()).run([command, ...args]),
    async fetch(packages, folder, progress) {
      const work = await container();
      await makeFolder('/downloads');
      const names = packages.map((wanted) => `${wanted.name}=${wanted.version}`);
      const command = ['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', ...names];
      const { failed, stdout, stderr } = await work.run(command, { cwd: '/downloads', onLine: progress });
      if (failed) {
        throw new ImageBuildError(
          `apt-get in a container could not download the reference guest's packages. If the package lists in the image are old, ` +
            `'docker rmi ${image}' has it made anew.`,
          `${stdout}\n${stderr}`.trim().split('\n').slice(-10),
        );
      }
      await unpack(await work.get('/downloads'), folder);
    },
    async build({ packages, downloads, out, progress }) {
      const work = await container();
      for (const name of ['/debs', '/recipe', '/out']) await makeFolder(name);
      await work.put(pack(referenceRecipe, ['.']), '/recipe');
      const files = packages.map(({ file }) => file);
      await work.put(pack(downloads, files), '/debs');
      const result = await work.run(['/recipe/build.sh', '/debs', '/out'], { onLine: progress });
      if (result.failed) {
        throw recipeFailed(
          'The reference guest',
          `${path.basename(referenceRecipe)}/build.sh failed in a container`,
          `${result.stdout}\n${result.stderr}`,
        );
      }
      await unpack(await work.get('/out'), out);
    },
    async [Symbol.asyncDispose]() {
      // One that could not be opened has said so to whoever asked for it.
      const open = await opened?.catch(() => undefined);
      await open?.[Symbol.asyncDispose]();
    },
  };
}
