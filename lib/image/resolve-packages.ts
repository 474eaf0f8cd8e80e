import { readFile, rename, writeFile } from 'node:fs/promises';

import type { BuildSite } from './build-site.js';
import { type DebianPackage, parsePrintUris } from './debian-package.js';
import { ImageBuildError } from './errors.js';
import type { PackageRequest } from './package-list.js';
import { compilerVersion } from './recipe.js';

/** What something is built from and with. */
export interface Ingredients {
  readonly packages: readonly DebianPackage[];
  /** The compiler's own first line. */
  readonly compiler: string;
}

/** The exact packages that `requests` mean at the site now, asked of apt. */
export async function resolvePackages(
  site: BuildSite,
  requests: readonly PackageRequest[],
): Promise<DebianPackage[]> {
  const metas = requests.flatMap((request) => ('meta' in request ? [request.meta] : []));
  const tree =
    metas.length > 0 ? (await site.run('apt-cache', ['depends', '--important', ...metas])).stdout : '';
  const names = new Set<string>();
  for (const request of requests) {
    if ('name' in request) {
      names.add(request.name);
      continue;
    }
    const section = tree.split(/^(?=\S)/m).find((text) => text.startsWith(`${request.meta}\n`)) ?? '';
    const dependency = new RegExp(`Depends: (${request.dependencyPrefix}[0-9]\\S*)`).exec(section)?.[1];
    if (!dependency)
      throw unknownPackage(
        site,
        request.meta,
        `apt-cache depends names no ${request.dependencyPrefix}… below it`,
      );
    names.add(dependency);
    // The headers' common half is a dependency of the flavour's.
    if (request.dependencyPrefix === 'linux-headers-')
      names.add(dependency.replace(/-[a-z0-9]+$/, '-common'));
  }
  const result = await site.run('apt-get', ['download', '--print-uris', ...names]);
  const packages = parsePrintUris(result.stdout);
  const absent = [...names].filter((name) => !packages.some((found) => found.name === name));
  if (absent.length > 0)
    throw unknownPackage(site, absent.join(', '), result.stderr.trim() || 'apt-get names no file for it');
  return packages.sort((a, b) => a.name.localeCompare(b.name));
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
): Promise<Ingredients> {
  const fingerprint = `${site.title}\n${site.state}\n${JSON.stringify(requests)}`;
  const memo = await readFile(memoFile, 'utf8').then(
    (text) => JSON.parse(text) as Ingredients & { fingerprint: string },
    () => undefined,
  );
  if (memo?.fingerprint === fingerprint) return { packages: memo.packages, compiler: memo.compiler };

  const ingredients = {
    packages: await resolvePackages(site, requests),
    compiler: await compilerVersion(site),
  };
  const temporary = `${memoFile}.${String(process.pid)}`;
  await writeFile(temporary, JSON.stringify({ fingerprint, ...ingredients }));
  await rename(temporary, memoFile);
  return ingredients;
}
