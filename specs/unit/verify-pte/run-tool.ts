import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../scripts/verify-pte.ts', import.meta.url));

export interface ToolRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** All of it, the start of Node and its loader included. */
  readonly ms: number;
}

/** Runs scripts/verify-pte.ts as a user would, but without npx, which takes longer to start than the tool. */
export async function runTool(
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<ToolRun> {
  const child = spawn(process.execPath, ['--import', 'tsx', ...nodeOptions, script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const begin = performance.now();
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout, stderr, ms: performance.now() - begin };
}
