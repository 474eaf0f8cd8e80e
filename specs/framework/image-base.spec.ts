import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../fixtures/environment.js';
import { inWorkshop } from '../../fixtures/stacks/in-workshop.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { pack } from '../../lib/image/docker/archive.js';
import { ensureBuilderImage } from '../../lib/image/docker/builder-image.js';
import { type Engine, findEngine } from '../../lib/image/docker/engine.js';
import { followEngine } from '../../lib/image/docker/messages.js';
import { startPrivateEngine } from '../../scripts/private-engine/engine.js';
import { engineObstacle } from '../../scripts/private-engine/obstacle.js';
import { startPrivateRegistry } from '../../scripts/private-engine/registry.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const { cache } = readEnvironment(process.env);
const quiet = (): void => undefined;

/** What Debian's own image has of it; the base that this project makes has none, as its packages are this host's. */
const sources = `deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
`;

/** Packages are fetched and set up three times; a computer that does other things beside it takes minutes. */
const budgetMs = 30 * 60_000;

test('a base image is pulled, and made of packages where a registry is not there or refuses', async ({}, testInfo) => {
  test.setTimeout(budgetMs);
  const obstacle = await engineObstacle();
  test.skip(obstacle !== undefined, obstacle);
  await using daemon = await startPrivateEngine(cache, quiet);
  const engine = await findEngine([{ host: daemon.host, source: 'this test' }]);

  for (const { what, refusal, said } of [
    { what: 'no registry', refusal: undefined, said: /connection refused/ },
    { what: 'no such image', refusal: { status: 404, code: 'MANIFEST_UNKNOWN' }, said: /manifest .*unknown/ },
    {
      what: 'too many pulls',
      refusal: { status: 429, code: 'TOOMANYREQUESTS' },
      said: /toomanyrequests: no more/,
    },
    { what: 'a registry that fails', refusal: { status: 503, code: 'UNAVAILABLE' }, said: /unavailable/i },
  ]) {
    await test.step(what, async () => {
      await using registry = await startRefusal(refusal);
      const base = `${registry.address}/debian:bookworm-slim`;
      const lines: string[] = [];
      const image = await builderImage(engine, base, (line) => lines.push(line));
      const told = lines.filter((line) => line.endsWith("Its base is made of Debian's packages instead."));
      expect(told, lines.join('\n')).toEqual([
        expect.stringMatching(`^The engine could not pull ${base}: \\w[^\n]*[^.]\\. Its`),
      ]);
      expect(told[0]).toMatch(said);
      expect(registry.requests > 0).toBe(refusal !== undefined);
      expect(lines).toContain(`build ${image}`);
      // Where there is one, nobody asks for another; what it is made of stays.
      await engine.docker.getImage(image).remove({ force: true, noprune: true });
    });
  }

  await test.step('a registry that has it', async () => {
    await using registry = await startPrivateRegistry(cache, quiet);
    const base = `${registry.address}/debian:bookworm-slim`;
    await publish(engine, base, testInfo.outputPath('base'));
    const fresh = testInfo.outputPath('cache');
    await mkdir(fresh);
    await symlink(await cacheSubfolder(cache, 'packages'), path.join(fresh, 'packages'));
    const env = {
      ...process.env,
      ...{ DOCKER_HOST: daemon.host, DOCKER_TLS_VERIFY: '' },
      ...{ E2E_CACHE_DIR: fresh, E2E_IMAGE_BUILDER: 'docker', E2E_IMAGE_BASE: base },
    };
    const build = () =>
      run(process.execPath, ['--import', 'tsx', 'scripts/image.ts'], { cwd: root, env, maxBuffer: 16 << 20 });
    const { stdout, stderr } = await build();
    expect(stderr).toContain(`pull ${base}\n`);
    expect(stderr).toContain(`Status: Downloaded newer image for ${base}\n`);
    expect(stderr).not.toMatch(/instead|import the base image/);
    const folder = stdout.trim();
    const { packages } = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as {
      packages: unknown[];
    };
    expect(packages.length).toBeGreaterThan(5);
    expect((await readFile(path.join(folder, 'vmlinux'))).subarray(1, 4).toString()).toBe('ELF');
    // What is there is neither pulled nor built again.
    expect(await build()).toEqual({ stdout, stderr: '' });
  });
});

async function builderImage(engine: Engine, base: string, progress: (line: string) => void): Promise<string> {
  return await inWorkshop('image', (workshop) =>
    ensureBuilderImage({ engine, base, cache, workshop, progress }),
  );
}

/** Pushes the base that this project makes, with the sources that a public one has, and has the engine forget it. */
async function publish(engine: Engine, name: string, folder: string): Promise<void> {
  const made = await engine.docker.listImages({ filters: { reference: ['opentdx-e2e/debian'] } });
  const base = made[0]?.RepoTags?.[0] ?? '';
  await mkdir(folder);
  await writeFile(path.join(folder, 'Dockerfile'), `FROM ${base}\nCOPY sources.list /etc/apt/\n`);
  await writeFile(path.join(folder, 'sources.list'), sources);
  await followEngine(await engine.docker.buildImage(pack(folder, ['.']), { t: name }), 'build', quiet);
  const image = engine.docker.getImage(name);
  await followEngine(await image.push({ authconfig: { serveraddress: '' } }), `push ${name}`, quiet);
  await image.remove({ force: true });
}

/** A registry that is there but gives nothing; without `refusal` nobody listens at its address. */
async function startRefusal(
  refusal: { readonly status: number; readonly code: string } | undefined,
): Promise<AsyncDisposable & { readonly address: string; readonly requests: number }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    response.setHeader('Content-Type', 'application/json');
    if (request.url === '/v2/') return void response.end('{}');
    response.statusCode = refusal?.status ?? 500;
    response.end(JSON.stringify({ errors: [{ code: refusal?.code, message: 'no more' }] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const { port } = server.address() as AddressInfo;
  if (refusal === undefined) await close();
  return {
    address: `127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    [Symbol.asyncDispose]: close,
  };
}
