import { expect, test } from '@playwright/test';

import {
  archiveAddresses,
  debianKeyring,
  hostAddressesIn,
  publicSnapshot,
  snapshotAddress,
} from '../../../lib/debian/archives.js';

const settings = { base: undefined, snapshot: publicSnapshot, keyring: debianKeyring };

test("a host's own mirror of Debian's archive is taken, whatever its release, and no other distribution's", () => {
  expect(
    hostAddressesIn(
      [
        'http://mirror.example:8080/mirrors/debian/ trixie main',
        'http://mirror.example:8080/mirrors/debian/ trixie-updates main',
        'http://backports.example/debian/ trixie-backports main',
        'https://security.example/debian-security trixie-security main',
        'http://second.example/debian/ trixie main',
      ].join('\n'),
    ),
  ).toEqual({
    debian: 'http://mirror.example:8080/mirrors/debian',
    'debian-security': 'https://security.example/debian-security',
  });
  expect(
    hostAddressesIn(
      'http://archive.ubuntu.com/ubuntu/ noble main\nhttp://archive.ubuntu.com/ubuntu/ noble-security main\nhttps://tools.example/apt stable contrib',
    ),
  ).toEqual({});
});

test('a base that was set is taken, and nothing of the host', async () => {
  expect(await archiveAddresses({ ...settings, base: 'http://127.0.0.1:1/x/' })).toEqual({
    debian: 'http://127.0.0.1:1/x/debian',
    'debian-security': 'http://127.0.0.1:1/x/debian-security',
  });
});

test('an archive of old versions is asked for a time', () => {
  expect(
    snapshotAddress({ ...settings, snapshot: 'http://127.0.0.1:2/' }, 'debian-security', '20261128T214503Z'),
  ).toBe('http://127.0.0.1:2/archive/debian-security/20261128T214503Z');
});
