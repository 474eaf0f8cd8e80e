import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { cacheSubfolder } from '../host/cache-folder.js';
import { findCommand } from '../host/find-command.js';
import { archiveAddresses, type ArchiveSettings } from './archives.js';
import { PackagesError } from './errors.js';
import type { ArchiveName } from './package.js';

/** An apt whose sources, lists, keys and idea of what is installed are the project's own: the host's is neither asked nor changed. */
export interface Apt {
  readonly addresses: Readonly<Record<ArchiveName, string>>;
  /** Brings its lists up to date. */
  update(): Promise<void>;
  /** Runs one of apt's programs, and answers its output. */
  run(program: 'apt-get' | 'apt-cache', args: readonly string[]): Promise<string>;
}

/** apt gives up on a server that is silent; twice, as a lost packet is no outage. */
const network = ['Acquire::Retries=1', 'Acquire::http::Timeout=10', 'Acquire::https::Timeout=10'];
/** It never asks, and as root it stays root: its folders may be where another user may not go. */
const always = ['APT::Sandbox::User=root', 'quiet=1', ...network];

/** Options of apt that hold for every call. Proxies of the host's apt.conf are honoured. */
export const aptOptions = always.flatMap((option) => ['-o', option]);

/**
 * Opens the project's own apt for a suite of Debian, in the project's cache. Needs no root.
 *
 * @param suite for example `bookworm`; its updates and security fixes are included
 * @throws PackagesError where this host has no apt
 */
export async function openApt(cache: string, suite: string, settings: ArchiveSettings): Promise<Apt> {
  if ((await findCommand('apt-get')) === undefined) {
    throw new PackagesError(
      "Debian's packages cannot be looked for: this host has no apt-get. The packages that the lock names need none; a new lock is made where it is.",
    );
  }
  const folder = await cacheSubfolder(cache, 'apt', suite);
  const addresses = await archiveAddresses(settings);
  const file = (name: string): string => path.join(folder, name);
  for (const name of ['lists/partial', 'archives/partial']) await mkdir(file(name), { recursive: true });
  await copyFile(settings.keyring, file('keyring.gpg'));
  const source = (archive: ArchiveName, release: string): string =>
    `Types: deb\nURIs: ${addresses[archive]}\nSuites: ${release}\nComponents: main\nArchitectures: amd64\n`;
  const sources = [
    source('debian', `${suite} ${suite}-updates`),
    source('debian-security', `${suite}-security`),
  ];
  await writeFile(file('debian.sources'), sources.join('\n'));
  const options = [
    ...aptOptions,
    ...[
      `Dir::Etc::sourcelist=${file('debian.sources')}`,
      'Dir::Etc::sourceparts=/dev/null',
      'Dir::Etc::preferences=/dev/null',
      'Dir::Etc::preferencesparts=/dev/null',
      // Not Signed-By: that takes no path with a space.
      `Dir::Etc::trusted=${file('keyring.gpg')}`,
      'Dir::Etc::trustedparts=/dev/null',
      `Dir::State::lists=${file('lists')}`,
      'Dir::State::status=/dev/null',
      `Dir::Cache::archives=${file('archives')}`,
      'Dir::Cache::pkgcache=',
      'Dir::Cache::srcpkgcache=',
      'APT::Architecture=amd64',
      'APT::Architectures::=amd64',
      'APT::Install-Recommends=false',
      'Acquire::Languages=none',
    ].flatMap((option) => ['-o', option]),
  ];
  const run: Apt['run'] = async (program, args) => {
    const { failed, stdout, all } = await execa(program, [...options, ...args], {
      reject: false,
      stdin: 'ignore',
      all: true,
      env: { LC_ALL: 'C' },
    });
    if (failed) throw new PackagesError(`${program} ${args[0] ?? ''}: ${complaintsOf(all)}`);
    return stdout;
  };
  return {
    addresses,
    run,
    async update() {
      // Without this an index that could not be had is a warning, and an older one is used.
      await run('apt-get', ['-o', 'APT::Update::Error-Mode=any', 'update']).catch((error: unknown) => {
        throw new PackagesError(
          `The index of Debian's packages cannot be read from ${addresses.debian} and ${addresses['debian-security']}: ` +
            `${(error as Error).message}. Is there a network, and is E2E_DEBIAN_ARCHIVE right?`,
          { cause: error },
        );
      });
    },
  };
}

/** What apt said of what went wrong, in one line. */
function complaintsOf(output: string): string {
  const lines = output.split('\n').filter((line) => /^[EW]: /.test(line));
  return lines.map((line) => line.slice(3)).join('; ') || (output.trim().split('\n').at(-1) ?? '');
}
