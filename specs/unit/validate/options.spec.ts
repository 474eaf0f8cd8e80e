import { expect, test } from '@playwright/test';

import { UsageError } from '../../../lib/errors.js';
import {
  bufferOptions,
  type DmaMapOptions,
  dmaMapOptions,
  type TouchOptions,
  touchOptions,
  tryOptions,
} from '../../../lib/guest/vfio/options.js';
import {
  enterOptions,
  l2BufferOptions,
  l2RunOptions,
  l2TouchOptions,
  slotOptions,
} from '../../../lib/guest/l2/options.js';
import { eduTransfer } from '../../support/edu.js';
import { reportOptions } from '../../../lib/guest/reports/index.js';
import { reportPattern } from '../../../lib/guest/reports/pattern.js';
import { defaultMachineOptions, machineOptionsRule } from '../../../lib/machine/options.js';
import { check, type Rule } from '../../../lib/validate/index.js';
import { wrongObjects, wrongsFor } from './wrong-values.js';

const buffer = { address: 0x7f00_0000_0000n, size: 0x4000n };

/** Every option object, as it may be; all keys are among those of one kind. Texts that may be of any kind are left out. */
const options: readonly (readonly [name: string, rule: Rule<unknown>, right: readonly object[]])[] = [
  [
    'machineOptions',
    machineOptionsRule,
    [{}, { ...defaultMachineOptions, memory: '2g', vcpus: 288 }, { devices: ['edu,dma_mask=0xffffffff'] }],
  ],
  [
    'mapDma',
    dmaMapOptions,
    [
      { pages: 1, kind: 'memfd', populate: false, protection: 'rw', iova: 0x1000n, read: true, write: false },
      { pages: 4, buffer, iova: 1n << 40n, read: false, write: true },
    ],
  ],
  ['alloc', bufferOptions, [{ pages: 2 ** 35, kind: 'file', populate: true, path: '/dev/shm/dma' }]],
  ['touch', touchOptions, [{}, { access: 'write', cpu: 1, timeoutMs: 1, value: 0n }]],
  [
    'kernelReports',
    reportOptions,
    [
      {},
      {
        expect: [{ kind: 'oom', title: /x/, text: 'y', count: 1 }],
        allow: [{ kind: ['bug', 'oops'] }],
        failAt: 'error',
      },
    ],
  ],
  ['kernelReports.expect', reportPattern, [{ kind: 'oom', grade: 'fatal', title: /x/, text: 'y', count: 1 }]],
  ['L2', l2BufferOptions, [{ pages: 1, kind: 'hugetlb1g', populate: true, protection: 'rw' }]],
  ['slot', slotOptions, [{ gpa: 0n, buffer, dirtyLog: true }]],
  ['run', l2RunOptions, [{}, { exits: 1, value: 1n, timeoutMs: 5 }]],
  ['enter', enterOptions, [{}, { rip: 0n, rax: 1n, cr3: 0x1000n }]],
  ['touch of L2', l2TouchOptions, [{}, { access: 'write', value: 1n }]],
  ['edu', eduTransfer, [{ iova: 0n, size: 8, offset: 1 }]],
  ['touchMapTouch', tryOptions, [{}, { access: 'execute', timeoutMs: 10 }]],
];

for (const [name, rule, rights] of options) {
  test(`${name}: a key that is misspelt, a value of another kind are refused`, () => {
    for (const right of rights) {
      expect(check('it', name, rule, right)).toEqual(right);
      for (const [what, wrong] of wrongObjects(right)) {
        // Protection '' is no access.
        if (what === 'protection ') continue;
        expect(() => check('it', name, rule, wrong), what).toThrow(UsageError);
      }
    }
    for (const wrong of [...wrongsFor(undefined), Promise.resolve({})]) {
      // Where nothing must be given, {} is right.
      if (rights.some((right) => Object.keys(right).length === 0) && String(wrong) === '[object Object]')
        continue;
      expect(() => check('it', name, rule, wrong), String(wrong)).toThrow(UsageError);
    }
  });
}

const refusals: readonly (readonly [rule: Rule<unknown>, wrong: object, words: RegExp])[] = [
  [machineOptionsRule, { memroy: '2g' }, /it: options\.memroy is not known: did you mean 'memory'\?/],
  [machineOptionsRule, { Memory: '2g' }, /did you mean 'memory'/],
  [machineOptionsRule, { kernelArgs: 'nokaslr' }, /did you mean 'kernelArguments'/],
  [machineOptionsRule, { vcpus: 0 }, /options\.vcpus must be a whole number of vCPUs from 1 to 288, not 0/],
  [machineOptionsRule, { vcpus: 289 }, /from 1 to 288, not 289/],
  [machineOptionsRule, { vcpus: '2' }, /not "2"/],
  [
    machineOptionsRule,
    { memory: '2 GB' },
    /options\.memory must be a size in MiB or GiB, such as .*, not "2 GB"/,
  ],
  [machineOptionsRule, { memory: '0m' }, /such as/],
  [machineOptionsRule, { memory: '2048' }, /such as/],
  [machineOptionsRule, { memory: 2048 }, /not 2048/],
  [machineOptionsRule, { accel: 'kmv' }, /one of auto, kvm, tcg, not "kmv": did you mean 'kvm'\?/],
  [machineOptionsRule, { kernelArguments: 'a\nb' }, /one line/],
  [machineOptionsRule, { devices: 'edu' }, /options\.devices must be a list/],
  [machineOptionsRule, { devices: ['edu', ''] }, /options\.devices\.1 must be an argument/],
  [
    dmaMapOptions,
    { pages: 4, protecton: 'r' },
    /options\.protecton is not known: did you mean 'protection'\?/,
  ],
  [dmaMapOptions, { pages: 1.5 }, /options\.pages must be a whole number of pages from 1 to \d+, not 1\.5/],
  [dmaMapOptions, { pages: 0 }, /not 0/],
  [dmaMapOptions, {}, /options\.pages is missing/],
  [dmaMapOptions, { pages: 4, protection: 'rr' }, /some of the letters r, w and x/],
  [dmaMapOptions, { pages: 4, iova: 0x1001n }, /multiple of 4096/],
  [dmaMapOptions, { pages: 4, iova: 0n }, /from 0x1000n/],
  [dmaMapOptions, { pages: 3, buffer }, /a number of pages that is not its size/],
  [dmaMapOptions, { pages: 4, buffer, kind: 'memfd' }, /one of the two/],
  [dmaMapOptions, { pages: 4, read: false, write: false }, /neither read nor write/],
  [dmaMapOptions, { pages: 4, path: '/dev/shm/dma' }, /kind: 'file'/],
  [bufferOptions, { pages: 4, kind: 'file' }, /must have a path/],
  [bufferOptions, { pages: 4, kind: 'hugetbl' }, /did you mean 'hugetlb'/],
  [reportOptions, { alow: [{ kind: 'oom' }] }, /did you mean 'allow'/],
  [reportOptions, { allow: [{}] }, /options\.allow\.0 names nothing and would match every report/],
  [reportOptions, { allow: [{ kind: [] }] }, /names nothing/],
  [reportOptions, { allow: [{ kind: 'panik' }] }, /did you mean 'panic'/],
  [reportOptions, { allow: [{ kind: ['bug', 'worning'] }] }, /did you mean 'warning'/],
  [reportOptions, { expect: [{ text: '' }] }, /a text, or a pattern/],
  [reportOptions, { expect: [{ kind: 'oom', count: 0 }] }, /count must be a whole number from 1/],
  [touchOptions, { value: 1n }, /only an access: 'write' takes/],
  [l2TouchOptions, { access: 'read', value: 1n }, /only an access: 'write' takes/],
  [touchOptions, { access: 'wirte' }, /did you mean 'write'/],
];

for (const [rule, wrong, words] of refusals) {
  const shown = JSON.stringify(wrong, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  test(`${shown} is refused in one line`, () => {
    let message = '';
    try {
      check('it', 'options', rule, wrong);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(words);
    expect(message).not.toContain('\n');
  });
}

test('the types know what the rules know', () => {
  // Checked by the compiler: a rule for an option that there is not, or none for one that there is, does not build.
  const dma: DmaMapOptions = check('it', 'options', dmaMapOptions, { pages: 1 });
  const touch: TouchOptions = check('it', 'options', touchOptions, {});
  expect([dma, touch]).toEqual([{ pages: 1 }, {}]);
});
