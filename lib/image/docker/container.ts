import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { text } from 'node:stream/consumers';

import type { Container } from 'dockerode';

import type { Progress } from '../progress.js';
import type { Engine } from './engine.js';
import { engineRefused } from './errors.js';

/** How a command in a container ended. */
interface CommandResult {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** A container that lives as long as this process has it open, and not longer, however this process ends. */
export interface WorkContainer extends AsyncDisposable {
  readonly container: Container;
  /** Runs a command; rejects only if the engine could not run it at all. `onLine` is told its output, both streams together. */
  run(command: readonly string[], options?: { onLine?: Progress }): Promise<CommandResult>;
  /** Unpacks a tar stream into a folder that is there; the stream is done with, however that ends. */
  put(archive: Readable, folder: string): Promise<void>;
  /** A folder or file as a tar stream; its name is the first part of all paths in it. */
  get(path: string): Promise<Readable>;
}

/**
 * Starts a container of `image` that waits. Its first process reads the connection that this process has to it: when the connection
 * ends, so does the process, the container with all that runs in it, and the engine removes it.
 *
 * @param environment of the commands that are run in it
 * @throws ImageBuildError when the engine refuses
 */
export async function openContainer(
  { docker }: Engine,
  image: string,
  environment: Readonly<Record<string, string>>,
): Promise<WorkContainer> {
  const doing = `run a container of ${image}`;
  const container = await docker
    .createContainer({
      Image: image,
      Cmd: ['cat'],
      Entrypoint: [],
      User: '0:0',
      WorkingDir: '/',
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      Labels: { 'opentdx-e2e': 'build' },
      // Nothing that is built asks a network. In memory, the recipe's thousands of small files come and go in no time.
      HostConfig: { AutoRemove: true, NetworkMode: 'none', Tmpfs: { '/tmp': 'exec,mode=1777' } },
    })
    .catch((error: unknown) => {
      throw engineRefused(doing, error);
    });
  let connection: NodeJS.ReadWriteStream;
  try {
    connection = await container.attach({ stream: true, stdin: true, hijack: true });
    await container.start();
  } catch (error) {
    await container.remove({ force: true }).catch(() => undefined);
    throw engineRefused(doing, error);
  }
  return {
    container,
    async run(command, { onLine } = {}) {
      const exec = await container.exec({
        Cmd: [...command],
        Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        AttachStdout: true,
        AttachStderr: true,
      });
      const stream = await exec.start({ hijack: true, stdin: false });
      const stdout = new PassThrough();
      const stderr = new PassThrough();
      if (onLine) for (const each of [stdout, stderr]) createInterface({ input: each }).on('line', onLine);
      docker.modem.demuxStream(stream, stdout, stderr);
      const texts = Promise.all([text(stdout), text(stderr)]);
      await finished(stream, { writable: false }).finally(() => {
        stdout.end();
        stderr.end();
      });
      const [out, err] = await texts;
      const { ExitCode } = await exec.inspect();
      return { failed: ExitCode !== 0, stdout: out, stderr: err };
    },
    async put(archive, folder) {
      try {
        await container.putArchive(archive, { path: folder });
      } catch (error) {
        throw engineRefused(`copy files into ${folder} of a container`, error);
      } finally {
        archive.destroy();
      }
    },
    async get(path) {
      const stream = await container.getArchive({ path }).catch((error: unknown) => {
        throw engineRefused(`copy ${path} out of a container`, error);
      });
      return Readable.from(stream);
    },
    async [Symbol.asyncDispose]() {
      const gone = container.wait({ condition: 'removed' }).catch(() => undefined);
      connection.end();
      await gone;
    },
  };
}
