/** A program that is run in the build root. */
export interface RootJob {
  /** What it makes, for messages: `The reference guest`. */
  readonly what: string;
  readonly command: readonly string[];
  /** Folders of this host, by the path that each has inside; they are only read. */
  readonly inputs: Readonly<Record<string, string>>;
  /** A folder of this host for what is made; `/out` inside. */
  readonly out: string;
}

/** A Debian with compilers and tools, the same on every host: where everything is built. */
export interface BuildRoot extends AsyncDisposable {
  /** For messages, for example `this host`. */
  readonly title: string;
  /**
   * Runs a program in it, with a clean environment, `/tmp` of its own and no input.
   *
   * @throws ImageBuildError with the program's last output
   */
  run(job: RootJob): Promise<void>;
}

/** The environment that programs find in it; what makes a build differ from day to day or place to place is not there. */
export const rootEnvironment = {
  LC_ALL: 'C',
  TMPDIR: '/tmp',
  HOME: '/tmp',
  SOURCE_DATE_EPOCH: '0',
  KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 1970',
  KBUILD_BUILD_USER: 'e2e',
  KBUILD_BUILD_HOST: 'opentdx-e2e',
} as const;
