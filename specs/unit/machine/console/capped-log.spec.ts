import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { dir } from 'tmp-promise';
import { CappedLog } from '../../../../lib/machine/console/capped-log.js';

/** Distinct bytes for a long stretch, so that any loss or swap shows. */
function pattern(length: number): Buffer {
  return Buffer.from(
    Array.from({ length: Math.ceil(length / 4) }, (_, i) => `${i % 1000},`.padStart(4, '0')).join(''),
  ).subarray(0, length);
}

test('a log within its cap is what was written', async () => {
  const folder = await dir({ unsafeCleanup: true });
  try {
    const log = new CappedLog(join(folder.path, 'a.log'), 1000);
    log.write(pattern(600).subarray(0, 400));
    log.write(pattern(600).subarray(400));
    log.close();
    log.close();
    expect(readFileSync(log.path)).toEqual(pattern(600));
    expect(readdirSync(folder.path)).toEqual(['a.log']);
    expect(statSync(log.path).mode & 0o777).toBe(0o600);
    expect(log.problem).toBeUndefined();
  } finally {
    await folder.cleanup();
  }
});

test('of any flood, in any chunks, head and tail are kept, what is left out is said, and the cap holds', async () => {
  const folder = await dir({ unsafeCleanup: true });
  try {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 20 }),
        (cap, sizes) => {
          const log = new CappedLog(join(folder.path, 'b.log'), cap);
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const data = pattern(total);
          let position = 0;
          for (const size of sizes) {
            log.write(data.subarray(position, position + size));
            position += size;
            const onDisk = readdirSync(folder.path).map((name) => statSync(join(folder.path, name)).size);
            expect(onDisk.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(cap);
          }
          log.close();
          expect(readdirSync(folder.path)).toEqual(['b.log']);
          const text = readFileSync(log.path, 'latin1');
          const gap = /\n\[… (\d+) bytes left out …\]\n/.exec(readFileSync(log.path, 'utf8'));
          if (!gap) {
            expect(text).toBe(data.toString('latin1'));
            return;
          }
          const marker = Buffer.from(gap[0]).toString('latin1');
          const [head = '', tail = ''] = text.split(marker);
          expect(data.toString('latin1').startsWith(head)).toBe(true);
          expect(data.toString('latin1').endsWith(tail)).toBe(true);
          expect(head.length).toBe(Math.floor(cap / 2));
          expect(tail.length).toBeGreaterThanOrEqual(Math.floor(cap / 4));
          expect(head.length + Number(gap[1]) + tail.length).toBe(total);
        },
      ),
    );
  } finally {
    await folder.cleanup();
  }
});

test('a full disk ends the log, not the run, and is said', () => {
  test.skip(!existsSync('/dev/full'), 'needs /dev/full');
  const log = new CappedLog('/dev/full', 100);
  log.write(Buffer.from('text'));
  expect(log.problem?.message).toContain('ENOSPC');
  log.write(Buffer.from('more'));
  log.close();
});

test('a cap that is none is refused', () => {
  expect(() => new CappedLog('/nowhere/at/all', 3)).toThrow(RangeError);
  expect(() => new CappedLog('/nowhere/at/all', Number.NaN)).toThrow(RangeError);
});
