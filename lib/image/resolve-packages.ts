import { readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';

import { execa, execaCommand } from 'execa';

import { ImageBuildError } from './errors.js';
import { type DebianPackage, parsePrintUris } from './debian-package.js';
import type { PackageRequest } from './package-list.js';

const aptLists = '/var/lib/apt/lists';

/** What apt's answers depend on. When none of it changed, neither did the answers, and asking again costs a second. */
const aptState = [
  aptLists,
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d',
  '/etc/apt/preferences',
  '/etc/apt/preferences.d',
  '/var/lib/dpkg/status',
];

async function aptFingerprint(): Promise<string> {
  const times = await Promise.all(
    aptState.map(async (file) =>
      stat(file).then(
        (entry) => `${file}=${entry.mtimeMs}`,
        () => `${file}=absent`,
      ),
    ),
  );
  return times.join('\n');
}

async function dependencies(metas: readonly string[]): Promise<string> {
  const { stdout } = await execa('apt-cache', ['depends', '--important', ...metas], { env: { LC_ALL: 'C' } });
  return stdout;
}

/** The exact packages that `requests` mean on this host now, asked of apt. */
async function askApt(requests: readonly PackageRequest[]): Promise<DebianPackage[]> {
  const metas = requests.flatMap((request) => ('meta' in request ? [request.meta] : []));
  const tree = metas.length > 0 ? await dependencies(metas) : '';
  const names = new Set<string>();
  for (const request of requests) {
    if ('name' in request) {
      names.add(request.name);
      continue;
    }
    const section = tree.split(/^(?=\S)/m).find((text) => text.startsWith(`${request.meta}\n`)) ?? '';
    const dependency = new RegExp(`Depends: (${request.dependencyPrefix}[0-9]\\S*)`).exec(section)?.[1];
    if (!dependency)
      throw unknownPackage(request.meta, `apt-cache depends names no ${request.dependencyPrefix}… below it`);
    names.add(dependency);
    // The headers' common half is a dependency of the flavour's.
    if (request.dependencyPrefix === 'linux-headers-')
      names.add(dependency.replace(/-[a-z0-9]+$/, '-common'));
  }
  const result = await execa('apt-get', ['download', '--print-uris', ...names], {
    env: { LC_ALL: 'C' },
    reject: false,
  });
  const packages = parsePrintUris(result.stdout);
  const absent = [...names].filter((name) => !packages.some((found) => found.name === name));
  if (absent.length > 0)
    throw unknownPackage(absent.join(', '), result.stderr.trim() || 'apt-get names no file for it');
  return packages.sort((a, b) => a.name.localeCompare(b.name));
}

function unknownPackage(name: string, seen: string): ImageBuildError {
  return new ImageBuildError(
    `apt does not know the package ${name}: ${seen}. The recipe is for Debian 12 (bookworm) with its security updates. ` +
      `If this host is one, its package lists are missing or old: run 'apt-get update' as root.`,
  );
}

/**
 * Which package files the reference guest is built from now. Needs apt's package lists on the host; no root, no network.
 * The answer is kept beside the cache and reused until apt's state on the host changes.
 *
 * @throws ImageBuildError when apt is not there or does not know a package.
 */
export async function resolvePackages(
  requests: readonly PackageRequest[],
  memoFile: string,
): Promise<DebianPackage[]> {
  const fingerprint = `${await aptFingerprint()}\n${JSON.stringify(requests)}`;
  const memo = await readFile(memoFile, 'utf8').then(
    (text) => JSON.parse(text) as { fingerprint: string; packages: DebianPackage[] },
    () => undefined,
  );
  if (memo?.fingerprint === fingerprint) return memo.packages;

  await ensureLists();
  const packages = await askApt(requests);
  const temporary = `${memoFile}.${String(process.pid)}`;
  await writeFile(
    temporary,
    JSON.stringify({ fingerprint: `${await aptFingerprint()}\n${JSON.stringify(requests)}`, packages }),
  );
  await rename(temporary, memoFile);
  return packages;
}

/** A machine that never ran `apt-get update` knows no package at all. */
async function ensureLists(): Promise<void> {
  const lists = await readdir(aptLists).catch(() => []);
  if (lists.some((name) => name.includes('_Packages'))) return;
  const update = [...(process.getuid?.() === 0 ? [] : ['sudo', '-n']), 'apt-get', '-q', 'update'].join(' ');
  const result = await execaCommand(update, { reject: false, all: true, stdin: 'ignore' });
  if (result.failed) {
    throw new ImageBuildError(
      `This host has no package lists in ${aptLists}, and '${update}' failed. Run 'apt-get update' as root.`,
      result.all.split('\n').slice(-5),
    );
  }
}
