import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../../fixtures/environment.js';
import { UsageError } from '../../../lib/errors.js';

/** A value that each variable takes, and some that it does not. */
const variables: Readonly<Record<string, readonly [right: string, ...wrong: string[]]>> = {
  E2E_CACHE_DIR: ['/tmp/cache'],
  E2E_ACCEL: ['tcg', 'kmv', 'KVM', ' tcg', '1'],
  E2E_QEMU: ['qemu-system-x86_64'],
  E2E_IMAGE_BUILDER: ['docker', 'dokcer', 'podman'],
  E2E_DEBIAN_ARCHIVE: ['http://deb.debian.org', 'deb.debian.org', 'htp://deb.debian.org', '/var/archive'],
  E2E_DEBIAN_SNAPSHOT: ['https://snapshot.debian.org', 'snapshot'],
  E2E_DEBIAN_KEYRING: ['/tmp/keys.gpg'],
  E2E_KERNEL: ['/tmp/bzImage'],
  E2E_KEEP: ['failed,dump', 'fail', 'yes', 'failed, dump'],
  E2E_FAULT: ['log-only'],
  E2E_DRIVER: ['second-pass'],
  E2E_SECONDS: ['30', 'half', '0.5'],
  E2E_PATIENCE: ['2.5', '0', '0.5', '1000', 'much'],
  E2E_SEED: ['7', '-1', '0x7'],
  E2E_WRAP_QEMU: ['1', '0', 'no', 'false', 'yes'],
  E2E_VFIO_DEVICE: ['0000:01:00.0', '01:00.0', '0000:01:20.0', '0000:01:00.8', 'e1000e'],
  E2E_MEMORY: ['2g', '2 GB', '2', '0g', '-1g', '1.5g'],
  E2E_VCPUS: ['4', '0', '289', '-1', '1.5', 'two', '0x2', '1e1', 'NaN'],
  E2E_MONITOR: ['unix:/tmp/m', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:65536', 'unix:', ':1334'],
  E2E_SLOW: ['1', 'yes'],
  E2E_LOAD_KVM: ['1', '0', 'no', 'false'],
};

for (const [name, [right, ...wrongs]] of Object.entries(variables)) {
  test(`${name}: what it does not take, and other names, are refused in one line`, () => {
    expect(() => readEnvironment({ [name]: right })).not.toThrow();
    expect(readEnvironment({ [name]: '' })).toEqual({
      ...readEnvironment({}),
      engines: expect.anything() as unknown,
    });
    for (const wrong of wrongs) expect(refusal({ [name]: wrong }), wrong).toContain(`${name} must be `);
    for (const misspelt of [
      name.slice(0, -1),
      `${name}S`,
      `${name.slice(0, -2)}${name.at(-1) ?? ''}`,
      name.replace('E2E_', 'E2E__'),
    ]) {
      expect(refusal({ [misspelt]: right })).toContain(`${misspelt} is not known: did you mean '${name}'?`);
    }
  });
}

test('modules and headers without a kernel are refused', () => {
  expect(refusal({ E2E_KERNEL_MODULES: '/tmp/modules' })).toContain('without E2E_KERNEL');
  expect(refusal({ E2E_KERNEL_HEADERS: '/usr/src/linux' })).toContain('without E2E_KERNEL');
  expect(readEnvironment({ E2E_KERNEL_MODULES: '/m', E2E_KERNEL: '/k' })).toMatchObject({
    kernelModules: '/m',
    kernel: '/k',
  });
});

test('every variable that the documentation names is known, and every one of them is tried here', async () => {
  const docs = path.resolve(import.meta.dirname, '../../../docs');
  const pages = ['reference.md', 'checkout.md'].map((page) => readFile(path.join(docs, page), 'utf8'));
  const text = (await Promise.all(pages)).join('\n');
  const named = new Set([...text.matchAll(/^\| `(E2E_\w+)`/gm)].map(([, name]) => name ?? ''));
  expect(new Set([...Object.keys(variables), 'E2E_KERNEL_MODULES', 'E2E_KERNEL_HEADERS'])).toEqual(named);
});

function refusal(environment: Record<string, string>): string {
  try {
    readEnvironment(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message;
  }
  return 'none';
}
