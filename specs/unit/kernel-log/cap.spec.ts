import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from '@playwright/test';
import { KernelLogParser, type KernelLogEntry } from '../../../lib/guest/kernel-log/index.js';
import { detectReports, evaluateReports, ReportDetector } from '../../../lib/guest/reports/index.js';

const hung: KernelLogEntry[] = [
  'INFO: task copy-thread:733 blocked for more than 122 seconds.',
  'Call Trace:',
  ' <TASK>',
  ' vfio_pin_map_dma+0x1f2/0x330 [vfio_iommu_type1]',
  ' </TASK>',
].map((text) => ({ text, time: 1 }));
const panic: KernelLogEntry = { text: 'Kernel panic - not syncing: out of ideas', time: 1 };

function dmaFaults(count: number): KernelLogEntry[] {
  return Array.from({ length: count }, (_, page) => ({
    text: `DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr 0x${(0x100000 + page * 4096).toString(16)} [fault reason 0x05] PTE Write access is not set`,
    time: 1,
  }));
}

test('behind thousands of reports that are allowed, a hung task and a panic still fail the test', () => {
  const reports = detectReports([...dmaFaults(5_000), ...hung, panic]);
  const verdict = evaluateReports(reports, { allow: [{ kind: 'dmar-fault' }] });
  expect(verdict.unexpected.map(({ kind }) => kind)).toEqual(['hung-task', 'panic']);
  expect(verdict.tolerated).toHaveLength(5_000);
});

test('what is beyond the cap is judged, kind by kind, by the patterns that mean the whole kind', () => {
  const detector = new ReportDetector({ total: 10_000 });
  const ordinary = Array.from({ length: 5 }, (): KernelLogEntry => ({ text: 'eth0: up', time: 1 }));
  // Nothing but the panic is still going on.
  for (const entry of [...dmaFaults(100), ...hung, ...ordinary, panic]) detector.push(entry);
  const reports = detector.reportsBetween();
  expect(reports.length).toBeLessThan(20);
  const { unexpected } = evaluateReports(reports, { allow: [{ kind: 'dmar-fault' }] });
  expect(unexpected.map(({ title }) => title)).toEqual([
    '1 more report(s) of kind hung-task than can be kept',
    'Kernel panic: out of ideas',
  ]);
  // Whether those beyond the cap were by this device is not known.
  const byDevice = { kind: 'dmar-fault', title: 'device 00:05.0' } as const;
  expect(evaluateReports(reports, { allow: [byDevice] }).unexpected[0]).toMatchObject({
    kind: 'dmar-fault',
    grade: 'error',
    truncated: true,
  });
});

test('what the detector holds is bounded, whatever comes', () => {
  const detector = new ReportDetector({ total: 100_000 });
  for (const entry of dmaFaults(20_000)) detector.push(entry);
  const kept = detector.reportsBetween().reduce((sum, { text }) => sum + text.length, 0);
  expect(kept).toBeLessThanOrEqual(100_000);
});

test('a report that is kept does not keep what was read with it', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const parser = new KernelLogParser({ format: 'dmesg' });
  const detector = new ReportDetector();
  const read = (chunks: number): void => {
    for (let chunk = 0; chunk < chunks; chunk++) {
      const lines = [
        '------------[ cut here ]------------',
        `WARNING: CPU: 1 PID: 77 at mm/rmap.c:12 widget_walk_${chunk}+0x41/0x90 [widget]`,
        'CPU: 1 PID: 77 Comm: walker Not tainted 6.1.0 #1',
        `RIP: 0010:widget_walk_${chunk}+0x41/0x90 [widget]`,
        '---[ end trace 0000000000000000 ]---',
      ];
      const text = lines.map((line) => `[    1.000000] ${line}\n`).join('');
      const bytes = Buffer.from(text.padEnd(64 * 1024, `[    2.000000] eth0: up ${chunk}\n`));
      for (const entry of parser.push(bytes)) detector.push(entry);
    }
  };
  read(64);
  collect();
  const before = process.memoryUsage().heapUsed;
  read(512);
  collect();
  // Read were 32 MiB; kept are 512 reports of five lines.
  expect((process.memoryUsage().heapUsed - before) / 1024 ** 2).toBeLessThan(8);
  expect(detector.reportsBetween()).toHaveLength(576);
});
