import { gzipSync } from 'node:zlib';

import { expect, test } from '@playwright/test';

import { describeLacks, lacksOf, remedyFor } from '../../../lib/image/kernel/check.js';
import { parseConfig } from '../../../lib/image/kernel/config.js';
import { embeddedConfig } from '../../../lib/image/kernel/ikconfig.js';
import { guestRequirements } from '../../../lib/image/kernel/requirements.js';

const complete = guestRequirements.map(({ option }) => `CONFIG_${option}=y`).join('\n');
const none = new Set<string>();

test('a configuration is read option by option; what is off is not in it', () => {
  const config = parseConfig(
    '#\n# Automatically generated\nCONFIG_VFIO=m\n# CONFIG_PCI is not set\nCONFIG_LOCALVERSION="-a=b"\nCONFIG_64BIT=y\n',
  );
  expect([...config]).toEqual([
    ['VFIO', 'm'],
    ['LOCALVERSION', '"-a=b"'],
    ['64BIT', 'y'],
  ]);
});

test('a kernel that has everything built in lacks nothing', () => {
  expect(lacksOf(parseConfig(complete), guestRequirements, none)).toEqual([]);
});

for (const { option, module, parents = [] } of guestRequirements) {
  test(`a kernel without CONFIG_${option} is named, with the reason and the remedy`, () => {
    const config = parseConfig(complete.replace(`CONFIG_${option}=y`, `# CONFIG_${option} is not set`));
    const lacks = lacksOf(config, guestRequirements, none);
    expect(lacks.map((lack) => lack.option)).toEqual([option]);
    expect(describeLacks(lacks)[0]).toMatch(new RegExp(`^CONFIG_${option} is not set: .+\\.$`));
    const remedy = remedyFor(lacks);
    expect(remedy).toContain(`-e ${option} `);
    // Without its parents kconfig drops it, and the same is lacking again.
    for (const parent of parents)
      expect(remedy.indexOf(`-e ${parent} `)).toBeLessThan(remedy.indexOf(`-e ${option} `));
    expect(parents.every((parent) => remedy.includes(`-e ${parent} `))).toBe(true);
  });

  test(`CONFIG_${option}=m ${module === undefined ? 'never suffices' : 'suffices where the module is given'}`, () => {
    const config = parseConfig(complete.replace(`CONFIG_${option}=y`, `CONFIG_${option}=m`));
    const [lack, ...others] = lacksOf(config, guestRequirements, none);
    expect(lack).toMatchObject({ option, value: 'm' });
    expect(others).toEqual([]);
    const names = new Set(guestRequirements.flatMap((one) => one.module ?? []));
    expect(lacksOf(config, guestRequirements, names)).toHaveLength(module === undefined ? 1 : 0);
    expect(describeLacks(lack ? [lack] : [])[0]).toContain(
      module === undefined ? 'must be y' : 'E2E_KERNEL_MODULES',
    );
  });
}

test('the configuration that a kernel carries is found in its image', () => {
  const packed = gzipSync('CONFIG_VFIO=y\n');
  // The mark alone also stands in the kernel's text, where its own source is compiled.
  const image = Buffer.concat([
    Buffer.from('…IKCFG_ST…IKCFG_ED…'),
    Buffer.from('IKCFG_ST'),
    packed,
    Buffer.from('IKCFG_ED…'),
  ]);
  expect(embeddedConfig(image)).toBe('CONFIG_VFIO=y\n');
});

for (const [what, image] of [
  ['carries none', Buffer.from('no configuration here')],
  ['has only the marks', Buffer.from('IKCFG_STIKCFG_ED')],
  ['is cut short', Buffer.concat([Buffer.from('IKCFG_ST'), gzipSync('CONFIG_VFIO=y\n')])],
] as const) {
  test(`there is no configuration in a kernel that ${what}`, () => {
    expect(embeddedConfig(image)).toBeUndefined();
  });
}
