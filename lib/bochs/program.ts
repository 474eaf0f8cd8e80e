import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Debian's name of the program behind its wrapper script, which would stand between us and its signals. */
export const program = 'bochs-bin';

/** Its arguments for this configuration: from 3.0 on it starts without its debugger unless it is asked for. */
export async function programArguments(
  configuration: string,
  searchPath = process.env.PATH,
): Promise<string[]> {
  const env = { ...process.env, PATH: searchPath };
  const { stdout, stderr } = await promisify(execFile)(program, ['--help'], { env });
  const knowsDebugger = /^\s*-debugger\s/m.test(stdout + stderr);
  return ['-q', ...(knowsDebugger ? ['-debugger'] : []), '-f', configuration];
}
