import { execa } from 'execa';

import { InfrastructureError } from '../../errors.js';

/** sudo that waits for a password does so for ever where nobody types one; `-n` never asks. */
const answerMs = 10_000;

/** The launch script runs its QEMU by `sudo`, which would ask, or is not there. */
class SudoError extends InfrastructureError {
  override readonly name = 'SudoError';
}

/** What keeps `sudo` from running a command here without asking, and the remedy; undefined when nothing does. */
export async function sudoProblem(): Promise<{ problem: string; remedy: string } | undefined> {
  const { failed, code, timedOut, stderr } = await execa('sudo', ['-n', 'true'], {
    reject: false,
    timeout: answerMs,
    stdin: 'ignore',
  });
  if (!failed) return undefined;
  if (code === 'ENOENT') {
    // Root's own launch script calls it too.
    const problem = 'there is no sudo, by which the launch script runs its QEMU';
    return { problem, remedy: 'apt-get install sudo' };
  }
  const said = timedOut ? `it did not answer within ${answerMs / 1000} s` : (stderr.split('\n')[0] ?? '');
  return {
    problem: `sudo, by which the launch script runs its QEMU, does not work without a password: ${said}`,
    remedy:
      'Allow it: echo "$USER ALL=(ALL) NOPASSWD: ALL" | sudo tee /etc/sudoers.d/opentdx-e2e (or run as root)',
  };
}

/** @throws SudoError with the remedy when the launch script's sudo would not work */
export async function requireSudo(): Promise<void> {
  const found = await sudoProblem();
  if (found)
    throw new SudoError(`The launch script cannot be run: ${found.problem}. Remedy: ${found.remedy}`);
}
