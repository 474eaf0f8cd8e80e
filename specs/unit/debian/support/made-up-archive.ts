import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import { execa } from 'execa';
import { dir } from 'tmp-promise';

/** A server on 127.0.0.1 that ends with its scope; what it was asked for is written down. */
export interface Server extends AsyncDisposable {
  readonly address: string;
  readonly asked: string[];
}

/** @param answer undefined: 404 */
export async function serve(
  answer: (url: string) => Buffer | string | undefined | ((response: ServerResponse) => void),
): Promise<Server> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const url = decodeURIComponent(request.url ?? '');
    asked.push(url);
    const body = answer(url);
    if (typeof body === 'function') {
      body(response);
      return;
    }
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body ?? 'not here');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export interface MadeUpPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
}

/** Packages of no content, whose index is signed with a key of its own, as files: `debian` and `debian-security` below `folder`. */
export interface MadeUpArchive {
  readonly folder: string;
  readonly keyring: string;
}

/** Writes an archive on the disk. Its packages are text files: nobody unpacks them. */
export async function makeArchive(
  folder: string,
  packages: readonly MadeUpPackage[],
): Promise<MadeUpArchive> {
  const { path: home, cleanup } = await dir({ prefix: 'gpg-', unsafeCleanup: true });
  const gpg = (...args: string[]) => execa('gpg', ['--homedir', home, '--batch', '--yes', ...args]);
  try {
    await gpg(
      '--passphrase',
      '',
      '--quick-generate-key',
      'Made Up <made@up.example>',
      'ed25519',
      'sign',
      '1d',
    );
    const keyring = path.join(folder, 'keyring.gpg');
    await mkdir(folder, { recursive: true });
    await gpg('--output', keyring, '--export');
    for (const [archive, suites] of Object.entries({
      debian: ['bookworm', 'bookworm-updates'],
      'debian-security': ['bookworm-security'],
    })) {
      for (const suite of suites) {
        const index = suite === 'bookworm' ? await writePackages(path.join(folder, archive), packages) : '';
        const release = path.join(folder, archive, 'dists', suite);
        await mkdir(path.join(release, 'main/binary-amd64'), { recursive: true });
        await writeFile(path.join(release, 'main/binary-amd64/Packages'), index);
        const text = `Origin: Made up\nSuite: ${suite}\nCodename: ${suite}\nArchitectures: amd64\nComponents: main\nDate: ${new Date().toUTCString()}\nSHA256:\n ${digest(index)} ${Buffer.byteLength(index)} main/binary-amd64/Packages\n`;
        await writeFile(path.join(release, 'Release'), text);
        await gpg('--clearsign', '--output', path.join(release, 'InRelease'), path.join(release, 'Release'));
      }
    }
    return { folder, keyring };
  } finally {
    await execa('gpgconf', ['--homedir', home, '--kill', 'all'], { reject: false });
    await cleanup();
  }
}

async function writePackages(folder: string, packages: readonly MadeUpPackage[]): Promise<string> {
  await mkdir(path.join(folder, 'pool'), { recursive: true });
  const paragraphs = packages.map(async ({ name, version, depends }) => {
    const content = `made up: ${name} ${version}`;
    const file = `pool/${name}_${version}_amd64.deb`;
    await writeFile(path.join(folder, file), content);
    return [
      `Package: ${name}`,
      `Version: ${version}`,
      'Architecture: amd64',
      'Maintainer: Made Up <made@up.example>',
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
      `Filename: ${file}`,
      `Size: ${Buffer.byteLength(content)}`,
      `SHA256: ${digest(content)}`,
      `Description: made up\n`,
    ].join('\n');
  });
  return (await Promise.all(paragraphs)).join('\n');
}

export function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
