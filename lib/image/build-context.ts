import type { ArchiveSettings } from '../debian/archives.js';
import type { EngineAddress } from './docker/addresses.js';
import type { Progress } from './progress.js';

/** Where programs of the build root run: `auto` is in namespaces of this host where it can, and in an engine's container otherwise. */
export type ImageBuilder = 'auto' | 'native' | 'docker';

/** Where a build works: a folder, and marks in its processes' environment, by which both are cleaned up if this process is killed. */
export interface Workshop {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** What every build needs to know of this run and host. */
export interface BuildContext {
  /** The project's cache folder (lib/host/cache-folder). */
  readonly cache: string;
  readonly builder: ImageBuilder;
  /** Where an engine may be; asked only when one is needed. */
  readonly engines: () => readonly EngineAddress[];
  readonly archives: ArchiveSettings;
  readonly workshop: Workshop;
  readonly progress: Progress;
}
