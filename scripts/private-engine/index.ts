/** Runs a command with a container engine of its own: see the usage. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { readEnvironment } from '../../fixtures/environment.js';
import { ownerEnvironment } from '../../lib/machine/ownership/index.js';
import { readCommandLine, refuse } from '../command-line.js';
import { startPrivateEngine } from './engine.js';

const usage = `usage: npx tsx scripts/private-engine/index.ts COMMAND [ARGUMENT ...]

Runs a command with DOCKER_HOST at a container engine of its own, for hosts without one, and with Docker's command-line client on the
PATH. The engine and all that it made are gone when the command has ended. Images, volumes and containers are kept in
memory, at most three quarters of this host's. Ends with the command's exit code.`;

const [command, ...args] = process.argv.slice(2);
if (command === '--help') readCommandLine(usage, {});
if (command === undefined || command.startsWith('-')) refuse(usage, 'There is no command.');

const progress = (line: string): void => {
  console.error(line);
};
await using engine = await startPrivateEngine(readEnvironment(process.env), progress, { size: '75%' });
const PATH = `${process.env.PATH ?? ''}:${path.join(engine.programs, 'usr/bin')}`;
const child = spawn(command, args, {
  stdio: 'inherit',
  // By the owner's marks it is ended, too, if this process is killed.
  env: { ...process.env, ...(await ownerEnvironment()), PATH, DOCKER_HOST: engine.host },
});
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
