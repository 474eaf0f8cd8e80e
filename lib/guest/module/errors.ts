import { InfrastructureError } from '../../errors.js';

/** Why a kernel module could not be loaded or removed. */
export type ModuleFailure =
  | 'invalidFormat'
  | 'noSuchFile'
  | 'alreadyLoaded'
  | 'notLoaded'
  | 'inUse'
  | 'notPermitted'
  | 'unknownSymbol'
  | 'other';

/**
 * What insmod and rmmod print, by the words of strerror that kmod and busybox share. The kernel's own reasons for a refusal
 * are in its log and are part of the error's `kernelSaid`.
 */
const failures: readonly (readonly [RegExp, ModuleFailure])[] = [
  [/invalid module format|exec format error/i, 'invalidFormat'],
  [/file exists/i, 'alreadyLoaded'],
  [/unknown symbol/i, 'unknownSymbol'],
  [/operation not permitted|permission denied|required key not available/i, 'notPermitted'],
  [/not currently loaded|no such module|module .* is not loaded|not found/i, 'notLoaded'],
  [/temporarily unavailable|in use|resource busy/i, 'inUse'],
];

const remedies: Readonly<Record<ModuleFailure, string>> = {
  invalidFormat:
    'It was built for another kernel than the one that runs: build it against the tree of this kernel (make KDIR=<build tree>), and load that one.',
  noSuchFile:
    "There is no such file in the guest: build the module and bring it there, or rebuild the guest's image.",
  alreadyLoaded: 'A module of this name is loaded already: rmmod it first.',
  notLoaded: 'It is not loaded: there is nothing to remove.',
  inUse: 'Something uses it: close its files and end its processes first.',
  notPermitted:
    'Only root may load and remove modules, and a kernel that checks signatures takes only signed ones.',
  unknownSymbol:
    'The running kernel lacks something that it needs: load the modules that it depends on first.',
  other: "See the guest's kernel log for the reason.",
};

function failureOf(tried: string, said: string): ModuleFailure {
  // The same words mean something else when a file is to be read than when a name is to be removed.
  if (/no such file/i.test(said)) return tried.startsWith('rmmod') ? 'notLoaded' : 'noSuchFile';
  return failures.find(([words]) => words.test(said))?.[1] ?? 'other';
}

/** A module could not be loaded into the guest's kernel or removed from it. */
export class GuestModuleError extends InfrastructureError {
  override readonly name = 'GuestModuleError';
  readonly failure: ModuleFailure;

  /**
   * @param tried such as `insmod /x/y.ko`
   * @param said what the program printed
   * @param kernelSaid the kernel's last line about the module, if it has one
   */
  constructor(tried: string, said: string, kernelSaid: string | undefined) {
    const failure = failureOf(tried, said);
    const kernel = kernelSaid === undefined ? '' : ` The kernel: "${kernelSaid}".`;
    super(`${tried}: ${said.trim() || 'failed without a word'}.${kernel} ${remedies[failure]}`);
    this.failure = failure;
  }
}
