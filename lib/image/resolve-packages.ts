import { readFile, rename, writeFile } from 'node:fs/promises';

import type { BuildSite } from './build-site.js';
import { type DebianPackage, parsePrintUris } from './debian-package.js';
import {
  describePassedOver,
  kernelPackagePrefixes,
  kernelParts,
  type KernelSet,
  newestKernelSet,
} from './debian/kernel-set.js';
import { parsePackageIndex } from './debian/package-index.js';
import { ImageBuildError } from './errors.js';
import type { PackageRequest } from './package-list.js';
import type { Progress } from './progress.js';
import { compilerVersion } from './recipe.js';

/** What something is built from and with. */
export interface Ingredients {
  readonly packages: readonly DebianPackage[];
  /** The compiler's own first line. */
  readonly compiler: string;
}

/**
 * The exact packages that `requests` mean at the site now, asked of apt. Parts of a kernel are of one version: the newest that is there as a
 * whole.
 *
 * @throws ImageBuildError when apt does not know a package, or no kernel of a series is there as a whole
 */
export async function resolvePackages(
  site: BuildSite,
  requests: readonly PackageRequest[],
  progress: Progress = () => undefined,
): Promise<DebianPackage[]> {
  const wanted = new Map<string, string>();
  for (const request of requests) {
    if ('name' in request) {
      wanted.set(request.name, request.name);
      continue;
    }
    const { version, names } = await findKernelSet(site, request.series, progress);
    for (const part of request.parts) wanted.set(names[part], `${names[part]}=${version}`);
  }
  const result = await site.run('apt-get', ['download', '--print-uris', ...wanted.values()]);
  const packages = parsePrintUris(result.stdout);
  const absent = [...wanted.keys()].filter((name) => !packages.some((found) => found.name === name));
  if (absent.length > 0)
    throw unknownPackage(site, absent.join(', '), result.stderr.trim() || 'apt-get names no file for it');
  return packages.sort((a, b) => a.name.localeCompare(b.name));
}

async function findKernelSet(site: BuildSite, series: string, progress: Progress): Promise<KernelSet> {
  const lists = kernelPackagePrefixes(series).map((prefix) => site.run('apt-cache', ['pkgnames', prefix]));
  const names = (await Promise.all(lists)).flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
  const index = names.length === 0 ? '' : (await site.run('apt-cache', ['show', ...names])).stdout;
  const set = newestKernelSet(series, parsePackageIndex(index));
  const passedOver = describePassedOver(set.passedOver);
  if (!('names' in set)) {
    if (passedOver === '') throw unknownPackage(site, `linux-image-${series}…`, 'its index holds none');
    throw new ImageBuildError(
      `apt of ${site.title} knows no version of Debian's kernel ${series} with all of ${kernelParts.join(', ')}: ${passedOver}. ` +
        "Its package lists are of different days, or an archive is missing from its sources: run 'apt-get update' as root.",
    );
  }
  if (passedOver !== '') {
    progress(`kernel ${set.version}: the newest that the archive has as a whole; passed over: ${passedOver}`);
  }
  return set;
}

function unknownPackage(site: BuildSite, name: string, seen: string): ImageBuildError {
  return new ImageBuildError(
    `apt of ${site.title} does not know the package ${name}: ${seen}. The recipe is for Debian 12 (bookworm) with its security updates. ` +
      `If it is one, its package lists are missing or old: run 'apt-get update' as root.`,
  );
}

/**
 * What `requests` mean at this site now, and its compiler. The answer is kept in `memoFile` and reused until the site's
 * state changes.
 *
 * @throws ImageBuildError when apt does not know a package, or the compiler does not answer
 */
export async function resolveIngredients(
  site: BuildSite,
  requests: readonly PackageRequest[],
  memoFile: string,
  progress: Progress = () => undefined,
): Promise<Ingredients> {
  const fingerprint = `${site.title}\n${site.state}\n${JSON.stringify(requests)}`;
  const memo = await readFile(memoFile, 'utf8').then(
    (text) => JSON.parse(text) as Ingredients & { fingerprint: string },
    () => undefined,
  );
  if (memo?.fingerprint === fingerprint) return { packages: memo.packages, compiler: memo.compiler };

  const ingredients = {
    packages: await resolvePackages(site, requests, progress),
    compiler: await compilerVersion(site),
  };
  const temporary = `${memoFile}.${String(process.pid)}`;
  await writeFile(temporary, JSON.stringify({ fingerprint, ...ingredients }));
  await rename(temporary, memoFile);
  return ingredients;
}
