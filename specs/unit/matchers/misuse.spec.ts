import { test } from '@playwright/test';

import { expect } from '../../../fixtures/matchers/index.js';
import { clearPageUser } from '../../../lib/change/index.js';
import { accessOf } from '../../../lib/guest/vfio/access.js';
import { GuestPageFaultError } from '../../../lib/guest/vfio/page-fault.js';
import { Reply } from '../../../lib/guest/tool/index.js';
import { InfrastructureError, UsageError } from '../../../lib/errors.js';
import { diffScans, scanSync, walkRangeSync, walkSync, x86Space } from '../../../lib/paging/index.js';
import { closed, historyOf, open } from '../history/support/history-of.js';
import { wrongObjects, wrongsFor } from '../validate/wrong-values.js';
import { World } from './support/world.js';

/** A use of a matcher that is green, and red when it is negated. */
interface Use {
  readonly name: string;
  readonly received: unknown;
  readonly args: readonly unknown[];
  /** What is received may be anything: what is no page fault is red, but no misuse. */
  readonly takesAnything?: true;
}

const world = new World();
const left = new World({ isCleared: false });
const { first, second, kernelLog } = world;
const bits = { set: (1n << 63n) | 3n, cleared: 4n };
const { memory, root } = world.builder;
const space = x86Space({ cr3: root });
const scanned = scanSync(memory, space, { range: 'user' });
const counted = { done: 4, fault: 0, stalled: 0, firstFault: undefined };
const touches = { cpu: 0, before: counted, after: { ...counted, done: 0, fault: 4 } };

const recorded = { space, address: first.address, pages: first.pages };
const taken = Array.from({ length: first.pages }, (_, page) => [110 + page, page, closed] as const);
/** Of a driver that takes each page within the map, and one that gives the last one back. */
const [closedOnce, givenBack] = [[], [[300, first.pages - 1, open] as const]].map((later) =>
  historyOf([...taken, ...later], recorded),
);

const uses: readonly Use[] = [
  ...[first, walkSync(memory, space, first.address), walkRangeSync(memory, space, first.address, 4)].flatMap(
    (received): Use[] => [
      { name: 'toHavePteBits', received, args: [bits] },
      { name: 'toHaveUserBitCleared', received, args: [] },
    ],
  ),
  { name: 'toHaveChange', received: first, args: [clearPageUser, kernelLog] },
  { name: 'toKeepChange', received: first, args: [clearPageUser, 'nothing happened'] },
  { name: 'toReportChange', received: kernelLog, args: [clearPageUser, [first, second]] },
  { name: 'toAnswerAccesses', received: first, args: [clearPageUser, 1] },
  { name: 'toBeTakenFromUserMode', received: first, args: [kernelLog] },
  { name: 'toBeReportedAsNotTaken', received: left.first, args: [left.kernelLog] },
  { name: 'toStayTakenFromUserMode', received: first, args: ['nothing happened'] },
  { name: 'toReportClearing', received: kernelLog, args: [first, second] },
  {
    name: 'toLeaveNoStaleTranslation',
    received: { mapping: first, own: touches, other: undefined },
    args: [],
  },
  {
    name: 'toMatchPageFault',
    received: faultOf(0x5),
    args: [
      {
        present: true,
        write: false,
        user: true,
        reservedBit: false,
        instructionFetch: false,
        signal: 'SIGSEGV',
      },
    ],
    takesAnything: true,
  },
  { name: 'toMatchPageFault', received: faultOf(0x5), args: [5], takesAnything: true },
  {
    name: 'toHoldMorePages',
    received: { pinned: 5, locked: 5 },
    args: [{ pinned: 1, locked: 1 }, 4, 'a mapping'],
  },
  {
    name: 'toLeaveUnchanged',
    received: diffScans(scanned, scanned),
    args: [{ address: first.address, size: first.size }, 'nothing happened'],
  },
  { name: 'toClearOnce', received: closedOnce, args: [first, clearPageUser] },
  { name: 'toNeverAllow', received: closedOnce, args: [{ user: true, since: 200 }] },
];

for (const { name, received, args, takesAnything } of uses) {
  const subject = `${received instanceof Object ? received.constructor.name : typeof received}, ${typeof args[0]}`;

  test(`${name} (${subject}): nothing but its right use is green`, async () => {
    expect(await outcome(false, name, received, args)).toBe('green');
    expect(await outcome(true, name, received, args)).toBeInstanceOf(Error);

    for (const wrong of [...wrongsFor(received), Promise.resolve(received), rejected()]) {
      for (const isNot of [false, true]) {
        const seen = await outcome(isNot, name, wrong, args);
        expect(seen, `${isNot ? 'not ' : ''}of ${String(wrong)}`).toBeInstanceOf(
          takesAnything && !(wrong instanceof Promise) ? Error : UsageError,
        );
      }
    }
    for (const [what, wrong] of wrongArguments(args)) {
      for (const isNot of [false, true]) {
        const seen = await outcome(isNot, name, received, wrong);
        expect(seen, `${isNot ? 'not ' : ''}with ${what}`).toBeInstanceOf(UsageError);
      }
    }
  });
}

/** Of each matcher, what contradicts it: a page or a number that is otherwise than it states. */
const contradictions: Readonly<
  Record<string, readonly (readonly [received: unknown, args: readonly unknown[]])[]>
> = {
  toHavePteBits: flipped([0n, 1n, 2n, 63n]).map(({ first }) => [first, [bits]]),
  toHaveUserBitCleared: flipped([0n, 2n]).map(({ first }) => [first, []]),
  toHaveChange: flipped([0n, 1n, 2n, 63n]).map(({ first, kernelLog }) => [first, [clearPageUser, kernelLog]]),
  toKeepChange: flipped([0n, 2n]).map(({ first }) => [first, [clearPageUser, 'it rained']]),
  toReportChange: flipped([0n, 1n, 2n, 63n]).map(({ first, second, kernelLog }) => [
    kernelLog,
    [clearPageUser, [first, second]],
  ]),
  toAnswerAccesses: [[left.first, [clearPageUser]]],
  toBeTakenFromUserMode: flipped([0n, 1n, 2n, 63n]).map(({ first, kernelLog }) => [first, [kernelLog]]),
  toBeReportedAsNotTaken: [
    [first, [kernelLog]],
    [left.first, [kernelLog]],
  ],
  toStayTakenFromUserMode: flipped([0n, 2n]).map(({ first }) => [first, ['it rained']]),
  toReportClearing: flipped([0n, 1n, 2n, 63n]).map(({ first, second, kernelLog }) => [
    kernelLog,
    [first, second],
  ]),
  toLeaveNoStaleTranslation: [
    [{ mapping: first, own: { ...touches, after: counted }, other: touches }, []],
    [{ mapping: first, own: touches, other: { ...touches, after: { ...counted, done: 1, fault: 3 } } }, []],
  ],
  toMatchPageFault: [0x4, 0x7, 0x1, 0xd, 0x15].map((code) => [faultOf(code), [5]]),
  toHoldMorePages: [
    { pinned: 4, locked: 5 },
    { pinned: 6, locked: 5 },
    { pinned: 5, locked: 4 },
    { pinned: 5, locked: 6 },
  ].map((now) => [now, [{ pinned: 1, locked: 1 }, 4, 'a mapping']]),
  toLeaveUnchanged: flipped([0n, 1n, 2n, 63n]).map(({ first, builder }) => [
    diffScans(scanned, scanSync(builder.memory, x86Space({ cr3: builder.root }), { range: 'user' })),
    [{ address: first.address, size: first.size }, 'nothing happened'],
  ]),
  toClearOnce: [
    [givenBack, [first]],
    [historyOf(taken.slice(1), recorded), [first]],
  ],
  toNeverAllow: [
    [givenBack, [{ user: true, since: 200 }]],
    [closedOnce, [{ user: true, since: 50 }]],
    [givenBack, [{ write: true, since: 200, until: 400 }]],
  ],
};

test('toLeaveUnchanged of pages that were not mapped is neither green nor its negation', async () => {
  const same = diffScans(scanned, scanned);
  const nowhere = { address: 0x1000_0000n, size: 0x2000n };
  for (const isNot of [false, true]) {
    const seen = await outcome(isNot, 'toLeaveUnchanged', same, [nowhere, 'nothing happened']);
    expect(String(seen)).toContain('No page of 0x10000000-0x10002000 was mapped before');
  }
});

/** Worlds in which one bit of one page's entry is another, for each page and bit. */
function flipped(which: readonly bigint[]): World[] {
  return which.flatMap((bit) =>
    Array.from({ length: first.pages }, (_, page) => {
      const other = new World();
      other.change(other.first, page, (raw) => raw ^ (1n << bit));
      return other;
    }),
  );
}

test('every matcher that there is is among them, and red where what it states is not so', async () => {
  const names = matchersOf(expect);
  expect(names.length).toBeGreaterThan(8);
  expect(new Set(uses.map(({ name }) => name))).toEqual(new Set(names));
  expect(new Set(Object.keys(contradictions))).toEqual(new Set(names));
  for (const [name, cases] of Object.entries(contradictions)) {
    expect(cases, name).not.toEqual([]);
    for (const [index, [received, args]] of cases.entries())
      expect(await outcome(false, name, received, args), `${name}, ${index}`).toBeInstanceOf(Error);
  }
});

/** What `expect` was extended by, as Playwright keeps it. */
function matchersOf(extended: object): string[] {
  const kept = Object.getOwnPropertySymbols(extended).map(
    (symbol) =>
      (extended as Record<symbol, { readonly userMatchers?: object } | undefined>)[symbol]?.userMatchers,
  );
  return Object.keys(kept.find((matchers) => matchers !== undefined) ?? {});
}

test('a message says what is wrong, what was meant and what there is', async () => {
  const messages: readonly (readonly [unknown, RegExp])[] = [
    [{ W: true, NX: true }, /toHavePteBits: expected\.W is not known \(known: set, cleared\)/],
    [{ clear: 2n }, /expected\.clear is not known: did you mean 'cleared'\?/],
    [{ cleared: undefined }, /expected\.cleared must be a mask of bits, .* not undefined/],
    [{ nonsense: 42 }, /expected\.nonsense is not known/],
    [{ set: 1n, cleared: 1n }, /expected asks for the same bit to be set and cleared/],
    [{}, /expected asks for nothing/],
    [{ set: 4 }, /expected\.set must be a mask of bits, .* not 4/],
  ];
  for (const [wrong, words] of messages) {
    expect(String(await outcome(false, 'toHavePteBits', first, [wrong]))).toMatch(words);
  }
  const promised = await outcome(false, 'toHaveUserBitCleared', Promise.resolve(first), []);
  expect(String(promised)).toMatch(
    /expect\(…\) must be a DMA mapping \(await vfio\.mapDma.* not a promise: await it first/,
  );
  expect(String(await outcome(false, 'toMatchPageFault', faultOf(5), [{}]))).toContain('asks for nothing');
});

test('a page fault that there cannot be is no expectation, nor is one flag that is otherwise met', async () => {
  for (const impossible of [
    { present: false, reservedBit: true },
    { write: true, instructionFetch: true },
  ]) {
    for (const isNot of [false, true]) {
      expect(await outcome(isNot, 'toMatchPageFault', faultOf(5), [impossible])).toBeInstanceOf(UsageError);
    }
  }
  const met = { present: true, write: false, user: true, reservedBit: false, instructionFetch: false };
  for (const [flag, value] of Object.entries(met)) {
    expect(await outcome(false, 'toMatchPageFault', faultOf(5), [{ [flag]: value }])).toBe('green');
    expect(await outcome(false, 'toMatchPageFault', faultOf(5), [{ [flag]: !value }])).toBeInstanceOf(Error);
  }
});

test('a try in which a vCPU did not do its part is no verdict', async () => {
  for (const odd of [
    { ...touches, before: { ...counted, done: 0 } },
    { ...touches, before: { ...counted, done: 3, stalled: 1 } },
    { ...touches, after: { ...counted, done: 0 } },
  ]) {
    for (const isNot of [false, true]) {
      const received = { mapping: first, own: touches, other: odd };
      const seen = await outcome(isNot, 'toLeaveNoStaleTranslation', received, []);
      expect(seen).toBeInstanceOf(InfrastructureError);
    }
  }
});

test('what goes on while a mapping stays taken is a promise', async () => {
  for (const wrong of wrongsFor(first)) {
    expect(await outcome(false, 'toStayTakenFromUserMode', first, ['it rained', wrong])).toBeInstanceOf(
      UsageError,
    );
  }
  expect(await outcome(false, 'toStayTakenFromUserMode', first, ['it rained', Promise.resolve()])).toBe(
    'green',
  );
});

function faultOf(errorCode: number): GuestPageFaultError {
  const access = accessOf(
    Reply.parse(
      'vfio-map',
      JSON.stringify({
        address: '0x1000',
        access: 'read',
        outcome: 'fault',
        signal: 'SIGSEGV',
        code: 'SEGV_ACCERR',
        errorCode: `0x${errorCode.toString(16)}`,
        faultAddress: '0x1000',
      }),
    ),
  );
  if (access.outcome === 'done') throw new TypeError('a fault');
  return new GuestPageFaultError(access);
}

/** As a program without types would use it. */
async function outcome(
  isNot: boolean,
  name: string,
  received: unknown,
  args: readonly unknown[],
): Promise<unknown> {
  const assertions = expect(received);
  const chosen = (isNot ? assertions.not : assertions) as unknown as Record<
    string,
    (...args: readonly unknown[]) => unknown
  >;
  try {
    await chosen[name]?.(...args);
    return 'green';
  } catch (error) {
    return error;
  }
}

/** Its rejection must not be one more error of a test's. */
function rejected(): Promise<never> {
  return Promise.reject(new Error('a promise that nobody waited for'));
}

/** Argument lists, each with one thing wrong, and in words which. */
function wrongArguments(args: readonly unknown[]): [string, readonly unknown[]][] {
  const lists: [string, readonly unknown[]][] = [['an argument too many', [...args, {}]]];
  if (args.length > 0) lists.push(['none', []]);
  for (const [index, arg] of args.entries()) {
    const put = (what: string, wrong: unknown): void => {
      lists.push([`argument ${index}: ${what}`, args.with(index, wrong)]);
    };
    for (const wrong of wrongsFor(arg)) put(String(wrong), wrong);
    put('a promise', Promise.resolve(arg));
    if (typeof arg !== 'object' || arg === null || Object.getPrototypeOf(arg) !== Object.prototype) continue;
    for (const [what, wrong] of wrongObjects(arg)) put(what, wrong);
  }
  return lists;
}
