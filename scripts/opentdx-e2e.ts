#!/usr/bin/env node
/** `opentdx-e2e COMMAND`: the package's program. Its commands are those that a checkout's npm scripts run. */
import { spawn } from 'node:child_process';
import path from 'node:path';

import { isCompiled } from '../lib/text/index.js';
import { usages } from './usages.js';
import { usage as verifyPte } from './verify-pte/usage.js';

interface Command {
  readonly usage: string;
  readonly run: () => unknown;
}

const commands: Readonly<Record<string, Command>> = {
  init: { usage: usages.init, run: () => import('./init.js') },
  test: { usage: usages.test, run: test },
  vm: { usage: usages.vm, run: () => import('./vm.js') },
  'verify-pte': { usage: verifyPte, run: () => import('./verify-pte.js') },
  doctor: { usage: usages.doctor, run: () => import('./doctor.js') },
  resume: { usage: usages.resume, run: () => import('./resume.js') },
  cache: { usage: usages.cache, run: () => import('./cache.js') },
  image: { usage: usages.image, run: () => import('./image.js') },
  verdicts: { usage: usages.verdicts, run: verdicts },
};

const overview = [
  'usage: npx opentdx-e2e COMMAND [ARGUMENT ...]     COMMAND --help says more',
  '',
  ...Object.entries(commands).map(
    ([name, { usage }]) => `  ${name.padEnd(12)}${usage.split('\n')[0]?.split(/ {5}/)[1] ?? ''}`,
  ),
].join('\n');

const [name = '', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
const asksForHelp = rest[0] === '--help' || rest[0] === '-h';
if (name === '--help' || name === '-h' || name === 'help') {
  console.log(overview);
} else if (command === undefined) {
  console.error(`${name === '' ? 'No command.' : `No such command: '${name}'`}\n${overview}`);
  process.exitCode = 2;
} else if (asksForHelp) {
  console.log(command.usage.trimEnd());
} else {
  // The commands read what they were called with as if they had been called by themselves.
  process.argv.splice(2, 1);
  await command.run();
}

function test(): void {
  const child = spawn(path.join(import.meta.dirname, 'e2e.sh'), rest, { stdio: 'inherit' });
  // A terminal's Ctrl-C comes to all; whoever ends this one alone means the run.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => undefined);
  child.on('exit', (code) => {
    process.exitCode = code ?? 125;
  });
}

async function verdicts(): Promise<void> {
  if (!isCompiled) {
    await import('./verdicts.js');
    return;
  }
  console.error(
    "verdicts runs the project's own specs, which the package does not have: run it in a checkout.",
  );
  process.exitCode = 2;
}
