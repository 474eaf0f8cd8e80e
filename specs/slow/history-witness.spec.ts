import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../fixtures/environment.js';
import { _PAGE_ACCESSED, _PAGE_DIRTY } from '../../lib/paging/index.js';
import { runSample } from '../framework/run-sample.js';
import { readStores, type WitnessedRun, witnessingQemu } from '../framework/support/witness/witness.js';

const ofMmu = _PAGE_ACCESSED | _PAGE_DIRTY;

test('what the recorder says is what a plugin of QEMU’s saw that looks at every store', async ({}, testInfo) => {
  test.setTimeout(420_000);
  const folder = testInfo.outputPath();
  const qemu = await witnessingQemu(folder, readEnvironment(process.env).qemu, String(1024 ** 3));
  const results = await runSample('witness.sample.ts', folder, { E2E_QEMU: qemu, WITNESS_FOLDER: folder });
  expect([...results.values()].flatMap(({ errors }) => errors)).toEqual([]);
  const recorded = JSON.parse(await readFile(path.join(folder, 'recorded.json'), 'utf8')) as WitnessedRun;
  testInfo.annotations.push({ type: 'seed', description: String(recorded.seed) });
  const stores = await readStores(folder);
  expect(recorded.writes.length).toBeGreaterThan(200);
  for (const { entry, value } of recorded.first) {
    let last = BigInt(value) & ~ofMmu;
    // A compare-and-exchange that failed, and a store of what was there, change nothing.
    const seen = stores.filter((store) => {
      if (store.entry !== BigInt(entry) || (store.value & ~ofMmu) === last) return false;
      last = store.value & ~ofMmu;
      return true;
    });
    const told = recorded.writes.filter((write) => write.entry === entry);
    const inWords = (vcpu: number, to: bigint): string => `vCPU ${vcpu}: 0x${(to & ~ofMmu).toString(16)}`;
    expect(
      told.map((write) => inWords(write.vcpu, BigInt(write.value))),
      `entry 0x${BigInt(entry).toString(16)}`,
    ).toEqual(seen.map((store) => inWords(store.vcpu, store.value)));
    // RIP is behind the instruction, which has at most 15 bytes.
    const lengths = told.map(({ rip }, index) => BigInt(rip) - (seen[index]?.pc ?? 0n));
    expect(lengths.filter((length) => length < 1n || length > 15n)).toEqual([]);
  }
});
