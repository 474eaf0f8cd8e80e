import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Where an engine may be. */
export interface EngineAddress {
  /** As DOCKER_HOST has it: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`. */
  readonly host: string;
  /** Who says so, for messages. */
  readonly source: string;
  /** The folder with ca.pem, cert.pem and key.pem, where TLS is asked for. */
  readonly certificates?: string;
}

/**
 * Where Docker's own tools would look for an engine, in their order: `DOCKER_HOST`; the context that `DOCKER_CONTEXT` or
 * `docker context use` chose; the system's socket, then those of rootless engines, Docker Desktop and Podman. What somebody
 * chose is the only address.
 *
 * @throws TypeError when the chosen context does not exist or names no engine
 */
export function engineAddresses(variables: NodeJS.ProcessEnv): EngineAddress[] {
  const home = variables.HOME ?? homedir();
  const configuration = variables.DOCKER_CONFIG ?? path.join(home, '.docker');
  if (variables.DOCKER_HOST) {
    const tls = Boolean(variables.DOCKER_TLS_VERIFY);
    const certificates = variables.DOCKER_CERT_PATH ?? configuration;
    return [{ host: variables.DOCKER_HOST, source: 'DOCKER_HOST', ...(tls ? { certificates } : {}) }];
  }
  const context = variables.DOCKER_CONTEXT ?? currentContext(configuration);
  if (context !== undefined && context !== 'default') return [contextAddress(configuration, context)];

  const runtime = variables.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`;
  const sockets: [string, string][] = [
    ['/var/run/docker.sock', "the system's socket"],
    [path.join(runtime, 'docker.sock'), "the rootless engine's socket"],
    [path.join(home, '.docker/run/docker.sock'), "the user's socket"],
    [path.join(home, '.docker/desktop/docker.sock'), "Docker Desktop's socket"],
    [path.join(runtime, 'podman/podman.sock'), "rootless Podman's socket"],
    ['/run/podman/podman.sock', "Podman's socket"],
  ];
  return sockets.map(([socket, source]) => ({ host: `unix://${socket}`, source }));
}

function currentContext(configuration: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(configuration, 'config.json'), 'utf8');
  } catch {
    return undefined;
  }
  return (JSON.parse(text) as { currentContext?: string }).currentContext;
}

/** The CLI keeps a context's endpoint under the SHA-256 of the context's name. */
function contextAddress(configuration: string, context: string): EngineAddress {
  const folder = createHash('sha256').update(context).digest('hex');
  const file = path.join(configuration, 'contexts/meta', folder, 'meta.json');
  let host: string | undefined;
  try {
    const meta = JSON.parse(readFileSync(file, 'utf8')) as { Endpoints?: { docker?: { Host?: string } } };
    host = meta.Endpoints?.docker?.Host;
  } catch (error) {
    throw new TypeError(`Docker's context "${context}" cannot be read from ${file}.`, { cause: error });
  }
  if (!host) throw new TypeError(`Docker's context "${context}" names no engine (${file}).`);
  const certificates = path.join(configuration, 'contexts/tls', folder, 'docker');
  return { host, source: `the context ${context}`, ...(host.startsWith('tcp:') ? { certificates } : {}) };
}
