import type { BuildSite } from './build-site.js';
import type { EngineAddress } from './docker/addresses.js';
import { findEngine } from './docker/engine.js';
import { NoEngineError } from './docker/errors.js';
import { dockerSite } from './docker/site.js';
import { ImageBuildError } from './errors.js';
import { nativeObstacle } from './native/obstacle.js';
import { nativeSite } from './native/site.js';
import type { Progress } from './progress.js';
import type { Workshop } from './recipe.js';

/** Where the guest is to be built: `auto` is this host where it can, and an engine's container otherwise. */
export type ImageBuilder = 'auto' | 'native' | 'docker';

/**
 * Opens the site where the reference guest is built.
 *
 * @param engines where an engine may be; asked only when one is needed
 * @param base see BuilderImageOptions
 * @throws ImageBuildError when what was asked for is not to be had here, with the reason
 */
export async function openBuildSite(options: {
  builder: ImageBuilder;
  engines: () => readonly EngineAddress[];
  base: string;
  cache: string;
  workshop: Workshop;
  progress: Progress;
}): Promise<BuildSite> {
  const { builder, engines, base, cache, workshop, progress } = options;
  const obstacle = builder === 'docker' ? 'a container was asked for' : await nativeObstacle();
  if (obstacle === undefined) return await nativeSite(workshop);
  if (builder === 'native') {
    throw new ImageBuildError(
      `The reference guest cannot be built natively: ${obstacle}. 'scripts/setup.sh' installs Debian's packages; E2E_IMAGE_BUILDER=docker builds in a container.`,
    );
  }
  const engine = await findEngine(engines()).catch((error: unknown) => {
    if (builder === 'docker' || !(error instanceof NoEngineError)) throw error;
    throw new NoEngineError(`The guest is to be built in a container, as ${obstacle}. ${error.message}`, [], {
      cause: error,
    });
  });
  return await dockerSite({ engine, base, cache, workshop, progress });
}
