import type { DebianPackage } from './debian-package.js';
import type { Progress } from './progress.js';

/** How a command at a build site ended. */
export interface CommandResult {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the recipe. */
export interface BuildJob {
  readonly packages: readonly DebianPackage[];
  /** The folder of this host that holds the packages' files. */
  readonly downloads: string;
  /** An empty folder of this host, for what the recipe makes. */
  readonly out: string;
  readonly progress: Progress;
}

/** Where the reference guest is built: a Debian 12 with apt's package lists and the recipe's tools. */
export interface BuildSite extends AsyncDisposable {
  /** `native` or `docker`. */
  readonly name: 'native' | 'docker';
  /** For messages, for example `this host`. */
  readonly title: string;
  /** What apt's and the compiler's answers depend on. While it is the same, so are they. */
  readonly state: string;
  /** Runs a short command in the C locale, without input. Rejects only if it cannot be run at all. */
  run(command: string, args: readonly string[]): Promise<CommandResult>;
  /**
   * Brings the packages' files into `folder` of this host, unchecked.
   *
   * @throws ImageBuildError
   */
  fetch(packages: readonly DebianPackage[], folder: string, progress: Progress): Promise<void>;
  /**
   * Runs images/reference/build.sh.
   *
   * @throws ImageBuildError
   */
  build(job: BuildJob): Promise<void>;
}
