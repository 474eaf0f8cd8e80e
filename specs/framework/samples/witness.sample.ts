import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '../../../fixtures/index.js';
import { randomFrom } from '../../support/fuzz/random.js';
import { pages, shuffle } from '../../support/shuffle.js';
import type { WitnessedRun } from '../support/witness/witness.js';

// Restored from a snapshot, it would have none of the plugin's translations, and leave one of a QEMU of its own behind.
test.use({ machineOptions: { coldBoot: true } });

test('two processes at once, whose entries are recorded and witnessed', async ({ vfio, recordPtes }) => {
  test.setTimeout(240_000);
  const { WITNESS_FOLDER: folder = '' } = process.env;
  const seed = Date.now() % 0x7fff_ffff;
  const recorded = await Promise.all(
    [await vfio.process(), await vfio.newProcess()].map(async (each) => {
      const buffer = await each.alloc({ pages });
      return { each, buffer, history: await recordPtes({ process: each, buffer }) };
    }),
  );
  const first = recorded.flatMap(({ history }) => history.first);
  const witness = (...entries: readonly bigint[]): Promise<void> => {
    const control = BigUint64Array.from([BigInt(entries.length), ...entries]);
    return writeFile(path.join(folder, 'control'), Buffer.from(control.buffer), { flag: 'r+' });
  };
  await witness(...first.map(({ at }) => at));
  await Promise.all(
    recorded.map(({ each, buffer }, index) => shuffle(each, buffer, randomFrom(seed + index))),
  );
  for (const { history } of recorded) await history.sync();
  // Their end is not what is witnessed.
  await witness();
  const raw = recorded.flatMap(({ history }) => history.raw);
  // Their tables are the same from the beginning to the end.
  expect(raw.filter(({ before, after }) => before.at !== after.at)).toEqual([]);
  const run: WitnessedRun = {
    seed,
    first: first.map(({ at, raw: value }) => ({ entry: String(at), value: String(value) })),
    writes: raw.map(({ after, writer }) => ({
      entry: String(after.at),
      value: String(after.raw),
      vcpu: writer?.vcpu ?? -1,
      rip: String(writer?.rip ?? 0n),
    })),
  };
  await writeFile(path.join(folder, 'recorded.json'), JSON.stringify(run));
});
