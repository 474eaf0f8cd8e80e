import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGuestShell, type GuestShell, type GuestShellOptions } from '../../../lib/guest/ssh/index.js';

/**
 * Stands in for OpenSSH's client: the master says that it is ready and stays, a session runs its command in a local shell.
 * It notes its calls in `calls`, one line each. `behave` is shell text that runs first and may `exit`; `$role` is master or
 * session, `$folder` the test's folder.
 */
const FAKE_SSH = (folder: string, behave: string): string => `#!/bin/sh
folder='${folder}'
role=session
case " $* " in *' -M '*) role=master ;; esac
echo "$role $$ $OWNER $HOME" >> "$folder/calls"
${behave}
if [ $role = master ]; then echo ready; exec sleep 1000; fi
for command in "$@"; do :; done
exec sh -c "$command"
`;

/** A guest shell over the stand-in, in a folder whose name is awkward. */
export class FakeGuest implements AsyncDisposable {
  readonly shell: GuestShell;
  readonly folder: string;
  /** The value of OWNER in the environment of all processes of this guest. */
  readonly owner: string;

  static async start(options: { behave?: string } & Partial<GuestShellOptions> = {}): Promise<FakeGuest> {
    const folder = await mkdtemp(join(tmpdir(), 'fake guest ü %h '));
    const bin = join(folder, 'bin');
    const owner = randomUUID();
    await mkdir(bin);
    await writeFile(join(bin, 'ssh'), FAKE_SSH(folder, options.behave ?? ''));
    await chmod(join(bin, 'ssh'), 0o755);
    const identityFile = join(folder, 'key');
    await writeFile(identityFile, 'key', { mode: 0o600 });
    const starting = createGuestShell({
      ...{ host: '127.0.0.1', port: 1, user: 'root', title: 'L1', runFolder: folder, identityFile },
      environment: { PATH: `${bin}:${process.env.PATH ?? ''}`, OWNER: owner },
      ...options,
    });
    const shell = await starting.catch(async (error: unknown) => {
      await rm(folder, { recursive: true });
      throw error;
    });
    return new FakeGuest(shell, folder, owner);
  }

  private constructor(shell: GuestShell, folder: string, owner: string) {
    this.shell = shell;
    this.folder = folder;
    this.owner = owner;
  }

  /** The calls of ssh so far: role, PID, what it saw of its environment. */
  async calls(role: 'master' | 'session'): Promise<{ pid: number; rest: string }[]> {
    const lines = (await readFile(join(this.folder, 'calls'), 'utf8').catch(() => '')).split('\n');
    return lines
      .map((line) => line.split(' '))
      .filter(([name]) => name === role)
      .map(([, pid, ...rest]) => ({ pid: Number(pid), rest: rest.join(' ') }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shell.close();
    // Not by the shell's own means: they would end the processes of tests that run at the same time, on this machine.
    for (const pid of await processesOf(this.owner)) process.kill(pid, 'SIGKILL');
    await rm(this.folder, { recursive: true });
  }
}

async function processesOf(owner: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const environments = pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''));
  const found = await Promise.all(environments);
  return pids.filter((_, index) => found[index]?.includes(`OWNER=${owner}`));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
