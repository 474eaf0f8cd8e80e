import type { Apt } from './apt.js';
import { PackagesError } from './errors.js';
import { parseMadison, parseParagraphs } from './index-entries.js';
import {
  describePassedOver,
  type IncompleteVersion,
  kernelPackagePrefixes,
  kernelParts,
  type KernelSet,
  newestKernelSet,
} from './kernel-set.js';
import type { PackageLock } from './lock.js';
import type { DebianPackage } from './package.js';
import type { PackageList } from './package-list.js';

/**
 * The newest packages that `lists` mean, of what `apt` knows. Of a kernel everything is of one version in all of them, the newest that is there
 * as a whole.
 *
 * @param lists by the name of what is built from each
 * @throws PackagesError when apt does not know a package, or no kernel of a series is there as a whole
 */
export async function resolveLists(
  apt: Apt,
  lists: ReadonlyMap<string, PackageList>,
  now: Date,
): Promise<PackageLock> {
  const kernels = new Map<string, KernelSet>();
  for (const { requests } of lists.values()) {
    for (const request of requests) {
      if ('series' in request && !kernels.has(request.series))
        kernels.set(request.series, await findKernelSet(apt, request.series));
    }
  }
  const sets: Record<string, readonly DebianPackage[]> = {};
  for (const [name, { requests, closed }] of lists) {
    const wanted = requests.flatMap((request) => {
      if ('name' in request) return [request.name];
      const kernel = kernels.get(request.series);
      return kernel === undefined
        ? []
        : request.parts.map((part) => `${kernel.names[part]}=${kernel.version}`);
    });
    sets[name] = await filesOf(apt, closed ? await closure(apt, wanted) : wanted);
  }
  const passedOver = new Map<string, IncompleteVersion>(
    [...kernels.values()].flatMap((set) => set.passedOver.map((one) => [one.version, one])),
  );
  return { taken: timestamp(now), passedOver: describePassedOver([...passedOver.values()]), sets };
}

async function findKernelSet(apt: Apt, series: string): Promise<KernelSet> {
  const lists = kernelPackagePrefixes(series).map((prefix) => apt.run('apt-cache', ['pkgnames', prefix]));
  const names = (await Promise.all(lists)).flatMap((text) => text.split('\n').filter(Boolean));
  const index = names.length === 0 ? '' : await apt.run('apt-cache', ['madison', ...names]);
  const set = newestKernelSet(series, parseMadison(index));
  if ('names' in set) return set;
  const seen = describePassedOver(set.passedOver) || 'its index holds no part of any';
  throw new PackagesError(
    `${apt.addresses.debian} has no version of Debian's kernel ${series} with all of ${kernelParts.join(', ')}: ${seen}. ` +
      'A mirror that is being brought up to date has all of one version some hours later; E2E_DEBIAN_ARCHIVE names another.',
  );
}

/** The packages with all that they need, as if nothing were installed: `NAME=VERSION`. */
async function closure(apt: Apt, wanted: readonly string[]): Promise<string[]> {
  const plan = await apt.run('apt-get', ['--simulate', '-y', 'install', ...wanted]);
  return [...plan.matchAll(/^Inst (\S+) \((\S+)/gm)].map(
    ([, name = '', version = '']) => `${name}=${version}`,
  );
}

/** @param wanted `NAME`, whose newest version is meant, or `NAME=VERSION` */
async function filesOf(apt: Apt, wanted: readonly string[]): Promise<DebianPackage[]> {
  const names = wanted.map((one) => one.replace(/=.*/, ''));
  const entries = parseMadison(await apt.run('apt-cache', ['madison', ...names]));
  const files = parseParagraphs(await apt.run('apt-cache', ['--no-all-versions', 'show', ...wanted]));
  const packages = names.map((name): DebianPackage => {
    const file = files.find((one) => one.name === name);
    const suite = entries.find((one) => one.name === name && one.version === file?.version)?.suite;
    if (file === undefined || suite === undefined)
      throw new PackagesError(
        `The index of ${apt.addresses.debian} has no file of ${name}. Check its name in the recipe.`,
      );
    return { ...file, suite, archive: suite.endsWith('-security') ? 'debian-security' : 'debian' };
  });
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As archives of old versions write it. */
function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d+|[-:]/g, '');
}
