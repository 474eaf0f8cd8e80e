import { expect, test } from '@playwright/test';

import { test as ofEpt } from '../../../fixtures/ept.js';
import { test as ofVms } from '../../../fixtures/index.js';
import { test as ofL2 } from '../../../fixtures/l2.js';
import { UsageError } from '../../../lib/errors.js';
import { EduDevice } from '../../support/edu.js';
import { EptLab } from '../../../lib/guest/ept-lab/ept-lab.js';
import { DeviceView } from '../../../lib/guest/iommu/index.js';
import { KernelLog } from '../../../lib/guest/kernel-log/index.js';
import { loadKvmIntel } from '../../../lib/guest/l2/kvm-intel.js';
import { L2Host } from '../../../lib/guest/l2/l2-host.js';
import { runCommand } from '../../../lib/guest/ssh/run-command.js';
import { loadVfioDriver } from '../../support/vfio-driver.js';
import { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { connectGdb } from '../../../lib/gdb/index.js';

/** As a program without types would call it. None of these has a machine: whoever asks one fails by another error. */
type Untyped = Record<string, (...args: unknown[]) => unknown>;
const bare = (type: { readonly prototype: object }): Untyped => Object.create(type.prototype) as Untyped;

const silence: AsyncIterable<string> = {
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
};
const log = new KernelLog(silence, { format: 'kmsg' }) as unknown as Untyped;
const vfio = bare(VfioProcess);
const edu = new EduDevice(Object.create(VfioProcess.prototype) as VfioProcess);
const lab = (await EptLab.load({ succeed: () => Promise.resolve('') } as never)) as unknown as Untyped;
const l2 = bare(L2Host);
const notAddresses = [5, NaN, -1n, 1n << 64n, '0x1000', undefined, Promise.resolve(1n)];
const notCounts = [0, -1, 1.5, NaN, '1', 1n, undefined];
const buffer = { address: 0x1000n, size: 0x1000n };

const doors: Readonly<
  Record<string, readonly [call: (...args: unknown[]) => unknown, ...wrong: (readonly unknown[])[]]>
> = {
  'log.waitFor': [
    (...args) => log.waitFor?.(...args),
    ...['', undefined, 5, {}, Promise.resolve('x')].map((pattern) => [pattern, { timeoutMs: 5 }]),
    ...[undefined, {}, { timeoutMs: 0 }, { timeoutMs: NaN }, { timeoutMs: 1e12 }, { timeoutMS: 5 }].map(
      (options) => ['x', options],
    ),
    ...[{ since: 5 }, { unless: '' }, { signal: true }, { sinse: {} }].map((option) => [
      'x',
      { timeoutMs: 5, ...option },
    ]),
  ],
  'log.entriesSince': [
    async (...args) => await log.entriesSince?.(...args),
    [undefined],
    [5],
    [{}],
    [{ position: NaN }],
  ],
  connectGdb: [
    (options) => connectGdb(options as never),
    ...[
      undefined,
      {},
      { port: 0 },
      { port: '1234' },
      { port: 65_536 },
      { port: 1, hots: 'x' },
      { port: 1, timeoutMs: -1 },
    ].map((options) => [options]),
  ],
  'process.walk': [(...args) => vfio.walk?.(...args), ...notAddresses.map((address) => [address])],
  'process.entries': [(...args) => vfio.entries?.(...args), ...notCounts.map((pages) => [0x1000n, pages])],
  'process.access': [
    (...args) => vfio.access?.(...args),
    [0x1000n, { value: 1n }],
    [0x1000n, { acces: 'write' }],
    [5],
  ],
  'process.changesSince': [
    (...args) => vfio.changesSince?.(...args),
    [undefined],
    [{}],
    [Promise.resolve({})],
  ],
  'DeviceView.walk': [(...args) => bare(DeviceView).walk?.(...args), ...notAddresses.map((iova) => [iova])],
  'DeviceView.pages': [
    (...args) => bare(DeviceView).pages?.(...args),
    [],
    [null],
    [0x1000n],
    [Promise.resolve({})],
    ...[{}, { pages: 0 }, { pages: 1.5 }, { iova: 5 }, { address: undefined }].map((slip) => [
      Object.keys(slip).length === 0 ? slip : { space: {}, address: 0n, iova: 0n, pages: 1, ...slip },
    ]),
  ],
  'edu.readMemory': [
    (transfer) => edu.readMemory(transfer as never),
    ...[
      undefined,
      {},
      { iova: 5 },
      { iova: 0n, siz: 8 },
      { iova: 0n, size: 4095 },
      { iova: 0n, offset: -1 },
    ].map((transfer) => [transfer]),
  ],
  EduDevice: [
    (process) => Promise.resolve().then(() => new EduDevice(process as never)),
    [undefined],
    [Promise.resolve()],
    [{}],
  ],
  loadVfioDriver: [(driver) => loadVfioDriver({} as never, driver as never), ['stok'], [undefined], ['']],
  loadKvmIntel: [
    (parameters) => loadKvmIntel({} as never, parameters as never),
    [5],
    ['eptad'],
    ['eptad=0; reboot'],
    [['eptad=0']],
  ],
  'guest.run': [
    (argv) => runCommand({ options: { title: 'It' } } as never, argv as never),
    ...['uname -r', [], [''], ['echo', 5], ['cat', undefined], undefined].map((argv) => [argv]),
  ],
  'lab.run': [(...args) => lab.run?.(...args), [undefined], [{}], [{ invpt: true }], [{ invept: 'no' }]],
  'lab.set': [(...args) => lab.set?.(...args), [0n, 1, 0n], [0n, '2', 0n], [0n, 5, 0n]],
  'l2.touch': [
    (...args) => l2.touch?.(...args),
    [0x1000n, { value: 1n }],
    [0x1000n, { acess: 'write' }],
    ...notAddresses.map((address) => [address]),
  ],
  'l2.alias': [(...args) => l2.alias?.(...args), [undefined], [{}], [buffer, 'wr '], [buffer, 5]],
  'l2.setSlot': [
    (...args) => l2.setSlot?.(...args),
    [-1, { gpa: 0n, buffer }],
    ['0', { gpa: 0n, buffer }],
    [0, { gpa: 0, buffer }],
  ],
  'l2.dirtyLog': [(...args) => l2.dirtyLog?.(...args), [undefined], [-1], ['0']],
  'l2.write': [
    (...args) => l2.write?.(...args),
    [5, new Uint8Array(1)],
    [0x1000n, 'text'],
    [0x1000n, undefined],
  ],
  'l2.framesOf': [(...args) => l2.framesOf?.(...args), ...notCounts.map((pages) => [0x1000n, pages])],
  'l2.writeTables': [
    (...args) => l2.writeTables?.(...args),
    ...[
      { linear: 0n, physical: 0n },
      { linear: 0n, physical: 0n, level: 4 },
      { linear: 0, physical: 0n, level: 1 },
    ].map((page) => [{ gpa: 0n, buffer }, 0x1000n, [page]]),
  ],
};

for (const [name, [call, ...wrongs]] of Object.entries(doors)) {
  test(`${name} refuses what it does not take, before it asks anybody`, async () => {
    expect(wrongs.length).toBeGreaterThan(0);
    for (const wrong of wrongs) {
      const seen = await Promise.resolve(call(...wrong)).catch((error: unknown) => error);
      expect(seen, wrong.map(String).join(', ')).toBeInstanceOf(UsageError);
    }
  });
}

for (const [file, ours, right, wrong, meant] of [
  ['index', ofVms, { machineOptions: {} }, { machineOption: { vcpus: 2 } }, "'machineOptions'"],
  ['index', ofVms, { viewport: null }, { kernelReport: {} }, "'kernelReports'"],
  ['l2', ofL2, { reuseVm: true }, { reuseVM: true }, "'reuseVm'"],
  ['ept', ofEpt, { kvmParameters: '' }, { kvmParameter: '' }, "'kvmParameters'"],
] as const) {
  test(`test.use of fixtures/${file}.ts refuses ${Object.keys(wrong).join('')}, which Playwright would ignore`, () => {
    const refused = (fixtures: object): unknown => {
      try {
        ours.use(fixtures);
        return undefined;
      } catch (error) {
        return error;
      }
    };
    expect(refused(wrong)).toBeInstanceOf(UsageError);
    expect(String(refused(wrong))).toContain(`did you mean ${meant}`);
    // Playwright's own word: it must not be called in a test.
    expect(refused(right)).not.toBeInstanceOf(UsageError);
  });
}
