import { statfs } from 'node:fs/promises';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { allocatePorts } from '../../lib/machine/ports/index.js';
import { cacheSubfolder } from '../../lib/host/cache-folder.js';
import { type Check, missing, optional, ready } from './check.js';

/** Five ports of a pattern, free together: see lib/machine/ports. */
export function portsCheck(): Check {
  return {
    name: 'ports',
    look: async () => {
      await using ports = await allocatePorts();
      return ready(
        `ssh ${ports.ssh} and ${ports.sshL2}, gdb ${ports.debug} and ${ports.debugL2}, monitor ${ports.monitor} are free together on 127.0.0.1`,
      );
    },
  };
}

/** Free space where a folder is, or will be made. */
export function diskCheck(name: string, folder: string, needed: number): Check {
  return {
    name,
    look: async () => {
      const place = await existing(folder);
      const { bavail, bsize } = await statfs(place);
      const free = bavail * bsize;
      const seen = `${gib(free)} free in ${place}`;
      return free >= needed
        ? ready(seen)
        : missing(
            `${seen}, ${gib(needed)} are needed`,
            `Free space there, or set ${variableOf(name)} to another folder.`,
          );
    },
  };
}

export function cacheCheck(cache: string): Check {
  return {
    name: 'cache folder',
    look: async () => {
      try {
        await cacheSubfolder(cache);
        return ready(cache);
      } catch (error) {
        return missing(String(error), `Make ${cache} writable, or set E2E_CACHE_DIR.`);
      }
    },
  };
}

export function memoryCheck(needed: number): Check {
  return {
    name: 'memory',
    look: () => {
      const free = os.freemem();
      const seen = `${gib(free)} free of ${gib(os.totalmem())}`;
      return Promise.resolve(
        free >= needed
          ? ready(seen)
          : missing(
              `${seen}, ${gib(needed)} are needed for a machine`,
              'End other programs, or run fewer workers (--workers=1).',
            ),
      );
    },
  };
}

/** Only the docker way of building images needs an engine. */
export function dockerCheck(socket: string): Check {
  return {
    name: 'docker engine',
    look: async () => {
      const answer = await new Promise<string>((resolve) => {
        const connection = createConnection(socket);
        connection.once('connect', () => {
          connection.destroy();
          resolve('');
        });
        connection.once('error', (error) => {
          resolve(error.message);
        });
      });
      return answer === ''
        ? ready(`answers at ${socket}`)
        : optional(
            `${answer}; images are built natively, which gives the same ones`,
            'Start dockerd, or set DOCKER_HOST.',
          );
    },
  };
}

async function existing(folder: string): Promise<string> {
  for (let place = path.resolve(folder); ; place = path.dirname(place)) {
    const there = await statfs(place).catch(() => undefined);
    if (there || place === path.dirname(place)) return place;
  }
}

function variableOf(name: string): string {
  return name.includes('cache') ? 'E2E_CACHE_DIR' : 'TMPDIR';
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
