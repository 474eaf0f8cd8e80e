import { readFile } from 'node:fs/promises';
import path from 'node:path';

import Docker from 'dockerode';

import type { EngineAddress } from './addresses.js';
import { EngineAccessError, engineRefused, NoEngineError } from './errors.js';

/** An engine that answered. */
export interface Engine {
  readonly docker: Docker;
  /** For example `Docker 20.10.24 at unix:///var/run/docker.sock`. */
  readonly title: string;
  /** Where it is, as DOCKER_HOST has it. */
  readonly host: string;
}

/** An engine that lives answers at once; one on a busy computer within seconds. */
const answerMs = 10_000;

/**
 * The first engine that answers.
 *
 * @throws NoEngineError saying what was tried where, EngineAccessError when all that keeps this user from an engine is permission
 */
export async function findEngine(addresses: readonly EngineAddress[]): Promise<Engine> {
  const failures: { address: EngineAddress; code: string; reason: string }[] = [];
  for (const address of addresses) {
    try {
      const docker = await clientFor(address);
      const version = await inTime(docker.version());
      const name = version.Components[0]?.Name.startsWith('Podman') ? 'Podman' : 'Docker';
      return { docker, title: `${name} ${version.Version} at ${address.host}`, host: address.host };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      failures.push({ address, code: code ?? '', reason: message });
    }
  }
  const tried = failures.map(({ address, reason }) => `${address.host} (${address.source}): ${reason}`);
  const denied = failures.find(({ code }) => code === 'EACCES' || code === 'EPERM');
  if (denied) {
    throw new EngineAccessError(
      `This user may not use the engine at ${denied.address.host}. Join the socket's group ('sudo usermod -aG docker $USER', then ` +
        'log in anew), or use a rootless engine: Docker or Podman.',
      tried,
    );
  }
  throw new NoEngineError(
    "No Docker engine answers. Start one (Docker, or Podman with 'systemctl --user start podman.socket') or set DOCKER_HOST; " +
      'a host that lets users have namespaces needs none: E2E_IMAGE_BUILDER=native.',
    tried,
  );
}

export async function hasImage({ docker }: Engine, name: string): Promise<boolean> {
  return await docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      (error: unknown) => {
        if ((error as { statusCode?: number }).statusCode === 404) return false;
        throw engineRefused(`say whether it has ${name}`, error);
      },
    );
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${answerMs / 1000} s`));
    }, answerMs);
  });
  return await Promise.race([answer, late]).finally(() => {
    clearTimeout(timer);
  });
}

async function clientFor({ host, certificates }: EngineAddress): Promise<Docker> {
  // What is not said here would be taken from the environment by the client itself.
  if (host.startsWith('unix://')) {
    return new Docker({ socketPath: host.slice('unix://'.length), host: undefined, port: undefined });
  }
  const url = new URL(host.includes('://') ? host : `tcp://${host}`);
  if (!['tcp:', 'http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(
      `${url.protocol}// is not supported; forward the socket with 'ssh -L /tmp/docker.sock:/var/run/docker.sock' and name that`,
    );
  }
  const port = url.port === '' ? (certificates === undefined ? 2375 : 2376) : Number(url.port);
  if (certificates === undefined && url.protocol !== 'https:') {
    return new Docker({ host: url.hostname, port, protocol: 'http' });
  }
  const read = (name: string): Promise<string> => readFile(path.join(certificates ?? '', name), 'utf8');
  const tls =
    certificates === undefined
      ? {}
      : { ca: await read('ca.pem'), cert: await read('cert.pem'), key: await read('key.pem') };
  return new Docker({ host: url.hostname, port, protocol: 'https', ...tls });
}
