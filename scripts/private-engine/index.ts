/**
 * npx tsx scripts/private-engine/index.ts COMMAND [ARGUMENT ...]
 *
 * Runs a command with DOCKER_HOST at a container engine of its own, for hosts without one. The engine and all that it made are gone
 * when the command has ended. Ends with the command's exit code.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { cacheFolder } from '../../lib/host/cache-folder.js';
import { startPrivateEngine } from './engine.js';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  console.error('usage: npx tsx scripts/private-engine/index.ts COMMAND [ARGUMENT ...]');
  process.exit(2);
}

await using engine = await startPrivateEngine(cacheFolder(process.env), (line) => {
  console.error(line);
});
const PATH = `${process.env.PATH ?? ''}:${path.join(engine.programs, 'usr/bin')}`;
const child = spawn(command, args, {
  stdio: 'inherit',
  env: { ...process.env, PATH, DOCKER_HOST: engine.host },
});
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
