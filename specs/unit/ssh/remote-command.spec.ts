import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import { wrapCommand, wrapUnmarked, type RemoteCommand } from '../../../lib/guest/ssh/remote-command.js';

/** Runs a wrapped command as a login shell would, with the whole stdin there from the beginning. */
async function runLocally(
  remote: RemoteCommand,
  stdin: string | Buffer,
  shell = 'sh',
): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  const result = await execa(shell, ['-c', remote.execRequest], {
    input: stdin,
    reject: false,
    stripFinalNewline: false,
  });
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

for (const shell of ['sh', 'bash']) {
  test(`${shell} runs the command after the go, and gives it the rest of stdin`, async () => {
    const remote = wrapCommand(['cat']);
    const result = await runLocally(remote, Buffer.concat([remote.go, Buffer.from('for cat\n')]), shell);
    expect(result).toEqual({ exitCode: 0, stdout: `${remote.readyMark.toString()}for cat\n`, stderr: '' });
  });

  test(`${shell} takes a command that is too long for the exec request from stdin`, async () => {
    const long = 'ü\n'.repeat(20_000);
    const remote = wrapCommand(['sh', '-c', 'printf %s "$1"; cat', 'sh', long]);
    expect(Buffer.byteLength(remote.execRequest)).toBeLessThan(4096);
    const result = await runLocally(remote, Buffer.concat([remote.go, Buffer.from('rest\n')]), shell);
    expect(result.stdout).toBe(`${remote.readyMark.toString()}${long}rest\n`);
  });

  test(`${shell} does not run a command that was never told to go`, async () => {
    const remote = wrapCommand(['echo', 'ran']);
    expect(await runLocally(remote, '', shell)).toMatchObject({
      exitCode: 0,
      stdout: remote.readyMark.toString(),
    });
  });

  test(`${shell} reports exit codes, and a signal as 128 + n`, async () => {
    for (const code of [0, 1, 127, 254, 255]) {
      const remote = wrapCommand(['sh', '-c', `exit ${code}`]);
      expect(await runLocally(remote, remote.go, shell)).toMatchObject({ exitCode: code, stderr: '' });
    }
    const remote = wrapCommand(['sh', '-c', 'kill -9 $$']);
    expect((await runLocally(remote, remote.go, shell)).exitCode).toBe(137);
  });
}

test("every process of a command carries the command's token, an unmarked script does not", async () => {
  const marked = wrapCommand(['sh', '-c', 'env']);
  expect((await runLocally(marked, marked.go)).stdout).toContain(`OPENTDX_E2E_RUN=${marked.token}\n`);
  const unmarked = wrapUnmarked('env');
  expect((await runLocally(unmarked, unmarked.go)).stdout).not.toContain('OPENTDX_E2E_RUN=');
});

test('each command has a token of its own', () => {
  expect(wrapCommand(['a']).token).not.toBe(wrapCommand(['a']).token);
});
