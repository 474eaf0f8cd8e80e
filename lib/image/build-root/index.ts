import type { PackageLock } from '../../debian/lock.js';
import type { BuildContext } from '../build-context.js';
import { findEngine } from '../docker/engine.js';
import { NoEngineError } from '../docker/errors.js';
import { ImageBuildError } from '../errors.js';
import type { BuildRoot } from './build-root.js';
import { containedRoot } from './contained.js';
import { findWayIn, nativeRoot } from './native.js';
import { buildRootKey, unpackBuildRoot } from './unpack-root.js';

export { buildRootKey } from './unpack-root.js';

/**
 * Opens the build root of a lock, in namespaces of this host or in a container.
 *
 * @throws ImageBuildError when what was asked for is not to be had here, with the reason; PackagesError as {@link unpackBuildRoot}
 */
export async function openBuildRoot(context: BuildContext, lock: PackageLock): Promise<BuildRoot> {
  const { builder, engines } = context;
  const folder = await unpackBuildRoot(context, lock);
  const way = builder === 'docker' ? 'a container was asked for' : await findWayIn(folder);
  if (typeof way !== 'string') return nativeRoot(folder, way, context);
  if (builder === 'native') {
    throw new ImageBuildError(
      `Nothing can be built on this host itself: ${way}. Run as root, or let users have namespaces ` +
        "('sysctl user.max_user_namespaces'; on Ubuntu 24.04 'sysctl kernel.apparmor_restrict_unprivileged_userns=0'); " +
        'E2E_IMAGE_BUILDER=docker builds in a container.',
    );
  }
  const engine = await findEngine(engines()).catch((error: unknown) => {
    if (builder === 'docker' || !(error instanceof NoEngineError)) throw error;
    throw new NoEngineError(`A container is needed to build in, as ${way}. ${error.message}`, [], {
      cause: error,
    });
  });
  return await containedRoot(engine, folder, buildRootKey(lock), context);
}
