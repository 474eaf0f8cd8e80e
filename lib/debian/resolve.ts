import type { Apt } from './apt.js';
import { PackagesError } from './errors.js';
import { parseMadison, parsePrintUris } from './index-entries.js';
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

async function filesOf(apt: Apt, wanted: readonly string[]): Promise<DebianPackage[]> {
  const named = parsePrintUris(
    await apt.run('apt-get', ['download', '--print-uris', ...wanted]),
    apt.addresses,
  );
  const absent = wanted.filter((one) => !named.some(({ name }) => name === one.replace(/=.*/, '')));
  if (absent.length > 0)
    throw new PackagesError(`apt names no file of ${apt.addresses.debian} for ${absent.join(', ')}.`);
  const entries = parseMadison(await apt.run('apt-cache', ['madison', ...named.map(({ name }) => name)]));
  const packages = named.map((one): DebianPackage => {
    const entry = entries.find(({ name, version }) => name === one.name && version === one.version);
    if (entry === undefined) throw new PackagesError(`apt names no suite of ${one.name} ${one.version}.`);
    return { ...one, suite: entry.suite };
  });
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As archives of old versions write it. */
function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d+|[-:]/g, '');
}
