import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

const root = path.resolve(import.meta.dirname, '../../..');

/** A machine to stand in. */
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
  return await standIn('scripts/resume.ts', args, variables, 'ignore');
}

/** A script that gives somebody a machine, in a process of its own, with such an input. */
export async function standIn(
  script: string,
  args: readonly string[],
  variables: NodeJS.ProcessEnv,
  input: 'ignore' | 'pipe',
): Promise<Resumed> {
  const tag = randomUUID();
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    cwd: root,
    env: { ...process.env, ...variables, TAG: tag },
    stdio: [input, 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
  const stderr = text(child.stderr);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes('Ctrl-C ends it.')) break;
  }
  const lineOf = (name: string): string => new RegExp(`^${name}: +(.*)$`, 'm').exec(said)?.[1] ?? '';
  return { child, said, lineOf, stderr, tag };
}
