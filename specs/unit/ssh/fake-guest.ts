import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import ssh2, { type Connection, type ServerChannel } from 'ssh2';

import { createGuestShell, type GuestShell, type GuestShellOptions } from '../../../lib/guest/ssh/index.js';

interface Behaviour {
  /** Shell text that the login shell runs before each command, and may `exit`; `$folder` is the test's folder. */
  readonly profile?: string;
  readonly login?: 'accepted' | 'denied' | 'never answered';
  /** What becomes of the n-th command, from 1: its channel is closed instead, or the connection once the command has written something. */
  readonly onCommand?: (count: number) => 'run' | 'refuse' | 'close' | 'drop connection';
}

/** Stands in for a guest: an ssh server on 127.0.0.1 that runs commands in a shell of this machine, in a folder whose name is awkward. */
export class FakeGuest implements AsyncDisposable {
  readonly shell: GuestShell;
  readonly folder: string;
  readonly #server: FakeServer;

  static async start(options: Behaviour & Partial<GuestShellOptions> = {}): Promise<FakeGuest> {
    const folder = await mkdtemp(join(tmpdir(), 'fake guest ü %h '));
    const identityFile = join(folder, 'key');
    await writeFile(identityFile, newKey().private, { mode: 0o600 });
    const { profile, login, onCommand, ...others } = options;
    const server = new FakeServer(folder, {
      ...(profile === undefined ? {} : { profile }),
      ...(login === undefined ? {} : { login }),
      ...(onCommand === undefined ? {} : { onCommand }),
    });
    await server.listen();
    const shell = await createGuestShell({
      ...{ host: '127.0.0.1', port: server.port, user: 'root', title: 'L1', identityFile },
      ...others,
    }).catch(async (error: unknown) => {
      await server.close();
      await rm(folder, { recursive: true });
      throw error;
    });
    return new FakeGuest(shell, folder, server);
  }

  private constructor(shell: GuestShell, folder: string, server: FakeServer) {
    this.shell = shell;
    this.folder = folder;
    this.#server = server;
  }

  get port(): number {
    return this.#server.port;
  }

  /** As in a known-hosts file: type and key. */
  get hostKey(): string {
    return this.#server.hostKey;
  }

  /** How many connections were made so far, and how many of them are open. */
  get connections(): { made: number; open: number } {
    return { made: this.#server.made, open: this.#server.open.size };
  }

  /** How many commands were asked for so far. */
  get commands(): number {
    return this.#server.commands;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shell.close();
    await this.#server.close();
    await rm(this.folder, { recursive: true });
  }
}

class FakeServer {
  readonly open = new Set<Connection>();
  readonly hostKey: string;
  port = 0;
  made = 0;
  commands = 0;
  readonly #folder: string;
  readonly #behaviour: Behaviour;
  /** The value of OWNER in the environment of all processes of this guest. */
  readonly #owner = randomUUID();
  readonly #server: ssh2.Server;

  constructor(folder: string, behaviour: Behaviour) {
    this.#folder = folder;
    this.#behaviour = behaviour;
    const pair = newKey();
    this.hostKey = pair.public;
    this.#server = new ssh2.Server({ hostKeys: [pair.private] }, (client) => {
      this.#serve(client);
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const client of this.open) client.end();
    await new Promise((resolve) => this.#server.close(resolve));
    // Not by the shell's own means: they would end the processes of tests that run at the same time, on this machine.
    for (const pid of await processesOf(this.#owner)) process.kill(pid, 'SIGKILL');
  }

  #serve(client: Connection): void {
    this.made += 1;
    this.open.add(client);
    client.on('close', () => this.open.delete(client));
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      const { login = 'accepted' } = this.#behaviour;
      if (login === 'accepted') context.accept();
      if (login === 'denied') context.reject(['publickey']);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, reject, { command }) => {
        this.commands += 1;
        const fate = this.#behaviour.onCommand?.(this.commands) ?? 'run';
        if (fate === 'refuse') {
          reject();
          return;
        }
        const channel = acceptExec();
        if (fate === 'close') {
          channel.stderr.write('why');
          channel.close();
          return;
        }
        const child = this.#run(command, channel);
        if (fate === 'drop connection') child.stdout?.once('data', () => client.end());
      });
    });
  }

  #run(command: string, channel: ServerChannel): ChildProcess {
    const script = `folder='${this.#folder}'\n${this.#behaviour.profile ?? ''}\n${command}`;
    const child = spawn('sh', ['-c', script], { env: { ...process.env, OWNER: this.#owner } });
    child.stdin.on('error', () => undefined);
    channel.on('error', () => undefined);
    channel.stderr.on('error', () => undefined);
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    child.once('close', (code, signal) => {
      if (code === null) channel.exit((signal ?? '').replace('SIG', ''));
      else channel.exit(code);
      channel.close();
    });
    return child;
  }
}

/** A key pair; the public half as in a known-hosts file: type and key. */
export function newKey(passphrase?: string): { private: string; public: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = { type: 'sec1', format: 'pem' } as const;
  const parsed = ssh2.utils.parseKey(privateKey.export(pem));
  if (parsed instanceof Error) throw parsed;
  return {
    private: privateKey
      .export(passphrase === undefined ? pem : { ...pem, cipher: 'aes-256-cbc', passphrase })
      .toString(),
    public: `${parsed.type} ${parsed.getPublicSSH().toString('base64')}`,
  };
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
