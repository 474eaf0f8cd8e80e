import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { engineAddresses } from '../../../lib/image/docker/addresses.js';

test('DOCKER_HOST is the only address, whatever else is chosen', () => {
  const addresses = engineAddresses({
    DOCKER_HOST: 'tcp://127.0.0.1:2375',
    DOCKER_CONTEXT: 'other',
    HOME: '/home/u',
  });
  expect(addresses).toEqual([{ host: 'tcp://127.0.0.1:2375', source: 'DOCKER_HOST' }]);
});

test('TLS is used where DOCKER_TLS_VERIFY asks for it', () => {
  const base = { DOCKER_HOST: 'tcp://h:2376', DOCKER_TLS_VERIFY: '1', HOME: '/home/u' };
  expect(engineAddresses(base)[0]?.certificates).toBe('/home/u/.docker');
  expect(engineAddresses({ ...base, DOCKER_CERT_PATH: '/certs' })[0]?.certificates).toBe('/certs');
});

test("without a choice: the system's socket, then rootless engines' and Podman's", () => {
  const hosts = engineAddresses({ HOME: '/home/u', XDG_RUNTIME_DIR: '/run/user/7' }).map(({ host }) => host);
  expect(hosts).toEqual([
    'unix:///var/run/docker.sock',
    'unix:///run/user/7/docker.sock',
    'unix:///home/u/.docker/run/docker.sock',
    'unix:///home/u/.docker/desktop/docker.sock',
    'unix:///run/user/7/podman/podman.sock',
    'unix:///run/podman/podman.sock',
  ]);
});

test.describe('a context', () => {
  /** A configuration folder as `docker context create far` and `docker context use far` leave it. */
  async function configuration(folder: string, host: string | undefined): Promise<string> {
    const name = createHash('sha256').update('far').digest('hex');
    await mkdir(path.join(folder, 'contexts/meta', name), { recursive: true });
    await writeFile(path.join(folder, 'config.json'), JSON.stringify({ currentContext: 'far' }));
    const meta = { Name: 'far', Endpoints: { docker: { Host: host } } };
    await writeFile(path.join(folder, 'contexts/meta', name, 'meta.json'), JSON.stringify(meta));
    return folder;
  }

  test('that is in use is the only address', async ({}, testInfo) => {
    const DOCKER_CONFIG = await configuration(testInfo.outputPath(), 'unix:///far.sock');
    expect(engineAddresses({ DOCKER_CONFIG })).toEqual([
      { host: 'unix:///far.sock', source: 'the context far' },
    ]);
    expect(engineAddresses({ DOCKER_CONFIG, DOCKER_CONTEXT: 'default' })).toHaveLength(6);
  });

  test('that does not exist, or names no engine, is an error that names it', async ({}, testInfo) => {
    const DOCKER_CONFIG = await configuration(testInfo.outputPath(), undefined);
    expect(() => engineAddresses({ DOCKER_CONFIG })).toThrow(/context "far" names no engine/);
    expect(() => engineAddresses({ DOCKER_CONFIG, DOCKER_CONTEXT: 'near' })).toThrow(
      /context "near" cannot be read/,
    );
  });
});
