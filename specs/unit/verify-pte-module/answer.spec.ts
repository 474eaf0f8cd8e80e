import { expect, test } from '@playwright/test';
import {
  parseAnswer,
  queryText,
  VerifyPteError,
  VerifyPteUnavailableError,
} from '../../../lib/guest/verify-pte/index.js';

const whole = `Virtual Address: 0x7f8b84f34000
Target PID: 126
PTE Value: 0x80000000029de863
_PAGE_USER bit: CLEARED (kernel page) (0x0)
PTE Present: Yes
Physical Address: 0x29de000
Entry: 4 KiB page
Effective User: No
`;

test('every line of an answer is read', () => {
  expect(parseAnswer('126:0x7f8b84f34000', whole)).toEqual({
    address: 0x7f8b84f34000n,
    pid: 126,
    pte: 0x80000000029de863n,
    user: false,
    present: true,
    physicalAddress: 0x29de000n,
    entry: '4 KiB page',
    effectiveUser: false,
  });
});

test('a module that says only what the contract has is understood too', () => {
  const lines = whole.split('\n').slice(0, 6);
  expect(parseAnswer('q', lines.join('\n'))).toMatchObject({ entry: undefined, effectiveUser: undefined });
  expect(parseAnswer('q', lines.reverse().join('\n'))).toMatchObject({ pid: 126, present: true });
});

test('a swap entry has no physical address, and that is not frame 0', () => {
  const swapped = whole.replace('Present: Yes', 'Present: No').replace(/Physical.*\n/, '');
  expect(parseAnswer('q', swapped)).toMatchObject({ present: false, physicalAddress: undefined });
});

test('a bit that contradicts the value is no answer', () => {
  const lying = whole.replace('CLEARED (kernel page) (0x0)', 'SET (user page) (0x4)');
  expect(() => parseAnswer('q', lying)).toThrow(/_PAGE_USER bit/);
  expect(() => parseAnswer('q', whole.replace('863', '867'))).toThrow(VerifyPteUnavailableError);
});

for (const name of ['Virtual Address', 'Target PID', 'PTE Value', '_PAGE_USER bit', 'PTE Present']) {
  test(`without '${name}' it is no answer, and the message says so`, () => {
    const without = whole.replace(new RegExp(`^${name}:.*\n`, 'm'), '');
    expect(() => parseAnswer('q', without)).toThrow(new RegExp(`answered q with no '${name}'`));
    const broken = whole.replace(new RegExp(`^${name}:.*`, 'm'), `${name}: perhaps`);
    expect(() => parseAnswer('q', broken)).toThrow(VerifyPteUnavailableError);
  });
}

test('a number of more than 64 bits, and nothing at all, are no answers', () => {
  expect(() => parseAnswer('q', whole.replace('0x8000', '0x18000'))).toThrow(VerifyPteUnavailableError);
  expect(() => parseAnswer('q', '')).toThrow(VerifyPteUnavailableError);
});

const errors = [
  ['Could not get PTE for address 0x1000: nothing is mapped there in process 1', 'notMapped'],
  ['Could not get PTE for address 0xffff: not a user address', 'notUserAddress'],
  ['Could not get PTE for address 0x1000', 'notMapped'],
  ['There is no process 9', 'noProcess'],
  ['Process 2 has no address space (a kernel thread, or it has ended)', 'noAddressSpace'],
  ['Invalid input: expected ADDR or PID:ADDR', 'malformed'],
  ['No address was written yet: write ADDR or PID:ADDR first', 'noQuery'],
  ['something new', 'other'],
] as const;
for (const [said, failure] of errors) {
  test(`'Error: ${said}' is '${failure}'`, () => {
    const error = (() => {
      try {
        return parseAnswer('9:0x1000', `Error: ${said}\n`);
      } catch (cause) {
        return cause;
      }
    })();
    expect(error).toBeInstanceOf(VerifyPteError);
    expect(error).toMatchObject({ failure });
    expect((error as Error).message).toContain(`verify_pte 9:0x1000: ${said}. `);
  });
}

test('a query is written as the module takes it', () => {
  expect(queryText({ address: 0x7f00n })).toBe('0x7f00');
  expect(queryText({ address: 0x7f00n, pid: 12 })).toBe('12:0x7f00');
});
