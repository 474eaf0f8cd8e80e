import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer } from 'node:http';

import { expect, test } from '@playwright/test';

import { findEngine } from '../../../lib/image/docker/engine.js';
import {
  EngineAccessError,
  engineRefused,
  EngineSpaceError,
  NoEngineError,
} from '../../../lib/image/docker/errors.js';
import { createRunFolder, socketPath } from '../../../lib/machine/ownership/index.js';

const nobody = 65_534;

/** Something that answers as an engine's `/version` does, and its socket. */
async function answering(version: object): Promise<AsyncDisposable & { readonly socket: string }> {
  const folder = await createRunFolder({ prefix: 'engine' });
  const socket = socketPath(folder.path, 'e.sock');
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(version));
  }).listen(socket);
  await once(server, 'listening');
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await folder.remove();
    },
  };
}

test('no engine: every address is named with what was seen there', async () => {
  const addresses = [
    { host: 'unix:///nowhere/docker.sock', source: 'a' },
    { host: 'tcp://127.0.0.1:1', source: 'b' },
    { host: 'ssh://far', source: 'c' },
  ];
  const error = await findEngine(addresses).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NoEngineError);
  const { message } = error as NoEngineError;
  expect(message).toMatch(/unix:\/\/\/nowhere\/docker\.sock \(a\): .*ENOENT/);
  expect(message).toMatch(/tcp:\/\/127\.0\.0\.1:1 \(b\): .*ECONNREFUSED/);
  expect(message).toMatch(/ssh:\/\/far \(c\): ssh:\/\/ is not supported/);
  expect(message).toContain('E2E_IMAGE_BUILDER=native');
});

test('the first engine that answers is taken, and says what it is', async () => {
  await using engine = await answering({
    Version: '5.0.1',
    Components: [{ Name: 'Podman Engine', Version: '5.0.1' }],
  });
  const host = `unix://${engine.socket}`;
  const found = await findEngine([
    { host: 'unix:///nowhere', source: 'a' },
    { host, source: 'b' },
  ]);
  expect(found.title).toBe(`Podman 5.0.1 at ${host}`);
});

test('an engine that this user may not use is not called missing', async () => {
  await using engine = await answering({ Version: '1', Components: [] });
  const { socket } = engine;
  await chmod(socket, 0o600);
  const error = await asAnotherUser(socket, () =>
    findEngine([{ host: `unix://${socket}`, source: 'the socket' }]).catch((reason: unknown) => reason),
  );
  expect(error).toBeInstanceOf(EngineAccessError);
  expect((error as Error).message).toMatch(/may not use the engine at unix:.*[\s\S]*EACCES/);
});

test('a full disk is told from other refusals', () => {
  const full = engineRefused('import x', new Error('write /data/layer.tar: no space left on device'));
  expect(full).toBeInstanceOf(EngineSpaceError);
  expect(full.message).toContain('docker system prune');
  expect(engineRefused('import x', new Error('unexpected EOF'))).not.toBeInstanceOf(EngineSpaceError);
});

/** Root may use any socket: it becomes somebody else for the while. Others lose the right to their own. */
async function asAnotherUser<T>(socket: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) {
    await chmod(socket, 0o000);
    return await work();
  }
  process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
