import { execa } from 'execa';
import { stripControlCodes } from '../../text/index.js';
import { ownHelper } from '../ownership/index.js';
import { forProbe, type ProbeAnswer } from './for-probe.js';
import type { WaitOptions, WaitStrategy } from './strategy.js';

export interface CommandOptions extends WaitOptions {
  /** Of one attempt, in milliseconds. Default: 5,000. */
  attemptMs?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** What a failing attempt may print before it is cut off. */
const maxBuffer = 64 << 10;

/**
 * A command on the host, such as ssh into the guest, that exits with 0. It is run again until it does; its stdin is empty. A
 * command that cannot be started ends the wait. Budget: 60 s unless told otherwise.
 */
export function forCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): WaitStrategy {
  const { attemptMs = 5_000, env, cwd, budgetMs = 60_000 } = options;
  const attempt = async (signal: AbortSignal): Promise<ProbeAnswer> => {
    const result = await ownHelper((mark) =>
      execa(command, args, {
        reject: false,
        stdin: 'ignore',
        all: true,
        maxBuffer,
        timeout: attemptMs,
        forceKillAfterDelay: 500,
        cancelSignal: signal,
        env: { ...env, ...mark },
        ...(cwd === undefined ? {} : { cwd }),
      }),
    );
    if (result.exitCode === 0) return 'ready';
    if (result.code === 'ENOENT' || result.code === 'EACCES') throw result as unknown as Error;
    const lastLine = stripControlCodes(result.all).trim().split('\n').at(-1)?.slice(0, 200) ?? '';
    return { saw: `${command}: ${howItEnded(result)}${lastLine === '' ? '' : `, "${lastLine}"`}` };
  };
  return forProbe(attempt, { awaited: options.awaited ?? `\`${command}\` to succeed`, budgetMs });
}

function howItEnded(result: { timedOut: boolean; exitCode?: number; signal?: string }): string {
  if (result.timedOut) return 'no answer in time';
  return result.signal === undefined
    ? `exit code ${result.exitCode ?? 'unknown'}`
    : `signal ${result.signal}`;
}
