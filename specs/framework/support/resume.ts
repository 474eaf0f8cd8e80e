import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const root = path.resolve(import.meta.dirname, '../../..');

export interface Resumed {
  readonly child: ChildProcess;
  /** What it said until it waited for Ctrl-C, or ended. */
  readonly said: string;
  /** The way in with this name: `ssh`, `monitor`, `gdb`. */
  readonly lineOf: (name: string) => string;
  readonly stderr: Promise<string>;
  /** In the environment of all its processes. */
  readonly tag: string;
}

/** `npm run resume`, in a process of its own. */
export async function resume(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Resumed> {
  const tag = randomUUID();
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/resume.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...variables, TAG: tag },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stderr = text(child.stderr);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes('Ctrl-C ends it.')) break;
  }
  const lineOf = (name: string): string => new RegExp(`^${name}: +(.*)$`, 'm').exec(said)?.[1] ?? '';
  return { child, said, lineOf, stderr, tag };
}
