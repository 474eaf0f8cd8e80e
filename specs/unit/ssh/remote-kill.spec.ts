import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import { once } from 'node:events';
import { wrapCommand } from '../../../lib/guest/ssh/remote-command.js';
import { killScript } from '../../../lib/guest/ssh/remote-kill.js';

/** Starts a command as a guest's login shell would; resolves when it has printed the PIDs of its processes. */
async function startMarked(script: string): Promise<{ token: string; pids: number[] }> {
  const remote = wrapCommand(['sh', '-c', script]);
  const shell = execa('sh', ['-c', remote.execRequest], {
    reject: false,
    buffer: false,
    stdin: 'pipe',
    stdout: 'pipe',
  });
  shell.stdin.write(remote.go);
  let text = '';
  while (!text.includes('done')) text += String((await once(shell.stdout, 'data'))[0]);
  const pids = text.replace(remote.readyMark.toString(), '').match(/\d+/g)?.map(Number) ?? [];
  return { token: remote.token, pids: [...pids, shell.pid ?? 0] };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('ends all processes of one command, in other sessions and deaf to signals too, and none of another', async () => {
  const mine = await startMarked(
    "setsid sleep 300 & echo $!; (trap '' TERM HUP INT; exec sleep 300) & echo $!; echo done; wait",
  );
  const other = await startMarked('sleep 300 & echo $!; echo done; wait');
  try {
    expect(mine.pids).toHaveLength(3);
    const { exitCode } = await execa('sh', ['-c', killScript(mine.token)]);
    expect(exitCode).toBe(0);
    // Orphans are reaped by init, which takes its own time.
    await expect.poll(() => mine.pids.filter(isAlive)).toEqual([]);
    expect(other.pids.every(isAlive)).toBe(true);
  } finally {
    await execa('sh', ['-c', killScript(other.token)]);
  }
  await expect.poll(() => other.pids.filter(isAlive)).toEqual([]);
});

test('a command that left nothing is no error, and the script does not find itself', async () => {
  const { exitCode, stdout } = await execa('sh', ['-c', killScript(wrapCommand(['true']).token)]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
});
