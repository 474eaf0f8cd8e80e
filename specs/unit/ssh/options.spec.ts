import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import { diagnose } from '../../../lib/guest/ssh/diagnosis.js';
import { masterArguments, sessionArguments } from '../../../lib/guest/ssh/options.js';

/** The settings that OpenSSH itself makes of the arguments (`ssh -G`). */
async function settingsOf(sshArguments: readonly string[]): Promise<Map<string, string>> {
  const env = { PATH: process.env.PATH ?? '', SSH_AUTH_SOCK: '/nowhere' };
  const { stdout } = await execa('ssh', ['-G', ...sshArguments], { env, extendEnv: false });
  return new Map(
    stdout.split('\n').map((line) => {
      const [name = '', ...rest] = line.split(' ');
      return [name, rest.join(' ')];
    }),
  );
}

const endpoint = { host: '127.0.0.1', port: 2222, user: 'root' };

test('the master asks nobody, uses nothing of the user and keeps a connection to a stopped guest', async () => {
  const settings = await settingsOf(masterArguments(endpoint, 'control-1', true));
  expect(Object.fromEntries(settings)).toMatchObject({
    hostname: '127.0.0.1',
    port: '2222',
    user: 'root',
    batchmode: 'yes',
    identitiesonly: 'yes',
    identityagent: 'none',
    identityfile: 'identity',
    userknownhostsfile: 'known_hosts',
    globalknownhostsfile: '/dev/null',
    hostkeyalias: 'opentdx-guest',
    controlmaster: 'true',
    controlpath: 'control-1',
    controlpersist: 'no',
    sessiontype: 'none',
    serveraliveinterval: '0',
    tcpkeepalive: 'no',
    updatehostkeys: 'false',
    localcommand: 'echo ready',
    permitlocalcommand: 'yes',
  });
  expect(settings.get('kexalgorithms')).toMatch(/^curve25519-sha256,/);
  expect(settings.get('hostkeyalgorithms')).toMatch(/^ssh-ed25519,/);
});

test('a host key is checked if it is known, and only then', async () => {
  const known = await settingsOf(masterArguments(endpoint, 'control-1', true));
  const unknown = await settingsOf(masterArguments(endpoint, 'control-1', false));
  expect([known.get('stricthostkeychecking'), unknown.get('stricthostkeychecking')]).toEqual([
    'true',
    'false',
  ]);
});

test('a session without its master makes no connection of its own', async () => {
  const { exitCode, stderr } = await execa('ssh', sessionArguments('no-such-socket', 'echo never'), {
    reject: false,
  });
  expect(exitCode).toBe(255);
  expect(stderr).toMatch(/Connection closed by/);
});

test("ssh's last words are read as what they mean", () => {
  const words = {
    'ssh: connect to host 127.0.0.1 port 1: Connection refused': 'connection refused',
    'root@127.0.0.1: Permission denied (publickey).': 'permission denied',
    'Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures': 'permission denied',
    '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.':
      'host key mismatch',
    'No ED25519 host key is known for opentdx-guest and you have requested strict checking.':
      'host key mismatch',
    'kex_exchange_identification: Connection closed by remote host\nConnection closed by 127.0.0.1 port 1':
      'closed without a banner',
    'kex_exchange_identification: read: Connection reset by peer': 'closed without a banner',
    'Connection timed out during banner exchange': 'no banner',
    'kex_exchange_identification: banner line contains invalid characters': 'not an ssh server',
    'Connection closed by 127.0.0.1 port 41022': 'connection lost',
    'client_loop: send disconnect: Broken pipe': 'connection lost',
    '': 'connection lost',
  };
  for (const [text, reason] of Object.entries(words)) expect([text, diagnose(text)]).toEqual([text, reason]);
});
