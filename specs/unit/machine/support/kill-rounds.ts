import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRunFolder } from '../../../../lib/machine/ownership/index.js';
import { acquireLease } from '../../../../lib/host/lease/index.js';
import { runScript } from './run-script.js';
import { existing, processesNaming, processesWithTag } from './traces.js';

export interface Round {
  readonly killedAfterMs: number;
  readonly sawReady: boolean;
  /** What the runner owned when it was killed, itself left out. */
  readonly owned: number;
  /** What was left when patience ended. Empty is right. */
  readonly leftovers: string[];
  /** When the last of it was gone, after the kill. The promise is 3 s on a computer that is not overloaded. */
  readonly goneAfterMs: number;
}

/**
 * Runs the runner, sends SIGKILL to its process group at a random instant between its first line and a while after it has
 * everything, and says what is left.
 */
export async function killAtRandomInstant(
  qemu: string,
  spreadMs: number,
  patienceMs: number,
): Promise<Round> {
  const tag = randomUUID();
  // A temp folder of its own, in which nothing may be left, named in the output or not.
  const temp = await createRunFolder({ prefix: 'spec' });
  const runner = runScript(new URL('../ownership/runner.ts', import.meta.url), ['wait', tag, qemu], {
    detached: true,
    env: { TAG: tag, TMPDIR: temp.path },
  });
  let output = '';
  runner.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = once(runner, 'exit');
  while (!output.includes('begin')) await once(runner.stdout, 'data');
  const began = performance.now();
  await delay(randomInt(spreadMs));
  const killedAfterMs = performance.now() - began;
  const owned = processesWithTag(tag).filter(({ command }) => !command.includes('runner.ts')).length;
  process.kill(-(runner.pid ?? 0), 'SIGKILL');
  const killed = performance.now();
  await exited;

  const folders = [...output.matchAll(/^folder (.*)$/gm)].map(([, path = '']) => dirname(path));
  const left = async (): Promise<string[]> => {
    const lease = await acquireLease(`spec/${tag}`);
    await lease?.release();
    return [
      ...processesWithTag(tag).map(({ pid, command }) => `process ${pid}: ${command}`),
      ...existing(folders).map((path) => `folder ${path}`),
      ...readdirSync(temp.path).map((name) => `in the temp folder: ${name}`),
      ...processesNaming(temp.path).map((pid) => `watchdog ${pid}`),
      ...(lease ? [] : ['lease']),
    ];
  };
  let leftovers = await left();
  while (leftovers.length > 0 && performance.now() - killed < patienceMs) {
    await delay(10);
    leftovers = await left();
  }
  const goneAfterMs = performance.now() - killed;
  await temp.remove();
  return {
    killedAfterMs,
    sawReady: output.includes('ready'),
    owned,
    leftovers,
    goneAfterMs,
  };
}
