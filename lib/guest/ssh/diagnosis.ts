import type { UnreachableReason } from './errors.js';

/** What OpenSSH's client (9.2) writes to stderr when it ends, in the order in which they outrank each other. */
const PATTERNS: readonly (readonly [RegExp, UnreachableReason])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known/,
    'host key mismatch',
  ],
  [/Permission denied|Too many authentication failures/, 'permission denied'],
  [/Connection refused/, 'connection refused'],
  [/timed out during banner exchange/, 'no banner'],
  [
    /invalid characters|Bad remote protocol|Invalid SSH identification|banner line contains/i,
    'not an ssh server',
  ],
  [/kex_exchange_identification: (Connection closed|read: Connection reset)/, 'closed without a banner'],
  [/Connection (closed|reset|timed out)|Broken pipe|disconnect/i, 'connection lost'],
];

/** Why ssh could not do its work, from its own words. */
export function diagnose(stderr: string): UnreachableReason {
  return PATTERNS.find(([pattern]) => pattern.test(stderr))?.[1] ?? 'connection lost';
}
