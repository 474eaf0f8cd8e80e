import { expect, test } from '@playwright/test';

import { type ConnectionFailure, diagnose } from '../../../lib/guest/ssh/diagnosis.js';

const failure = (
  message: string,
  details: { level?: string; code?: string | number } = {},
): ConnectionFailure => Object.assign(new Error(message), details);
const socket = (code: string): ConnectionFailure => failure(code, { level: 'client-socket', code });

/** Failure, what it means before keys were exchanged, and after. */
const cases: [string, ConnectionFailure | undefined, string, string][] = [
  ['a closed connection', undefined, 'connection lost', 'connection lost'],
  ['ECONNREFUSED', socket('ECONNREFUSED'), 'connection refused', 'connection refused'],
  ['ECONNRESET', socket('ECONNRESET'), 'closed without a banner', 'connection lost'],
  ['EPIPE', socket('EPIPE'), 'closed without a banner', 'connection lost'],
  ['ETIMEDOUT', socket('ETIMEDOUT'), 'connection lost', 'connection lost'],
  ['no socket left', socket('EMFILE'), 'client failed', 'client failed'],
  ['no local port left', socket('EADDRNOTAVAIL'), 'client failed', 'client failed'],
  [
    'a refused key',
    failure('All configured authentication methods failed', { level: 'client-authentication' }),
    'permission denied',
    'permission denied',
  ],
  [
    'another host key',
    failure('Host denied (verification failed)', { level: 'handshake' }),
    'host key mismatch',
    'host key mismatch',
  ],
  [
    'no algorithm in common',
    failure('Handshake failed: no matching key exchange algorithm', { level: 'handshake' }),
    'connection lost',
    'connection lost',
  ],
  [
    'an end without a banner',
    failure('Connection lost before handshake', { level: 'protocol' }),
    'closed without a banner',
    'connection lost',
  ],
  ['garbage', failure('Bad packet length', { level: 'protocol' }), 'not an ssh server', 'connection lost'],
  ['another banner', failure('Invalid identification string'), 'not an ssh server', 'connection lost'],
  ["a server's goodbye", failure('Too many connections', { code: 12 }), 'connection lost', 'connection lost'],
];
for (const [name, seen, before, after] of cases) {
  test(`${name} is read as what it means`, () => {
    expect([diagnose(seen, false), diagnose(seen, true)]).toEqual([before, after]);
  });
}
