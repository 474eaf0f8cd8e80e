import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import { walk } from '../../../lib/paging/index.js';

const inFirst = 0x1111_1111_1111_1111n;
const inSecond = 0x2222_2222_2222_2222n;
const throughSecond = 0x3333_3333_3333_3333n;
const throughFirst = 0xcccc_cccc_cccc_ccccn;

/** SDM vol. 3, appendix C. */
const exitVmcall = 18n;
const callDone = 2n;

test('code in VMX non-root mode asks for an alias by VMCALL, and two pages become one', async ({
  lab,
  bochs,
  memory,
}) => {
  await lab.build();
  const space = await lab.space();
  const result = await lab.run({ invept: true });
  const [first, second] = result.pages;
  expect(result).toMatchObject({
    failure: undefined,
    exits: 2,
    reason: exitVmcall,
    arguments: [callDone, first, second],
    before: inSecond,
    after: inFirst,
    there: throughSecond,
    back: throughFirst,
  });

  // From outside: the second page leads to the first one's frame, and its own frame was left as it was.
  const [one, two] = await bochs.paused(async () => [
    await walk(memory.memory, space, first),
    await walk(memory.memory, space, second),
  ]);
  expect(one).toMatchObject({ physicalAddress: first, pageSize: 2n << 20n });
  expect(two).toMatchObject({ physicalAddress: first, pageSize: 2n << 20n });
  expect(await quadword(first)).toBe(throughFirst);
  expect(await quadword(second)).toBe(inSecond);

  async function quadword(address: bigint): Promise<bigint> {
    return Buffer.from(await memory.memory.read(address, 8)).readBigUInt64LE();
  }
});

test('without INVEPT the old translation may be used, and no third one', async ({ lab }) => {
  await lab.build();
  const { failure, exits, before, after } = await lab.run({ invept: false });
  expect({ failure, exits, before }).toEqual({ failure: undefined, exits: 2, before: inSecond });
  // SDM vol. 3, 29.4.3.3: software must invalidate what the processor may have cached. Whether it had is up to it.
  expect([inFirst, inSecond]).toContain(after);
  test.info().annotations.push({
    type: 'stale translation',
    description: after === inSecond ? 'used, as hardware may' : 'not used',
  });
});

test('instructions that fail say how: VMfailInvalid, or VMfailValid with a number', async ({ lab }) => {
  await lab.build();
  // Numbers: SDM vol. 3, 31.4.
  const valid = (instruction: string, error: number) => [
    instruction,
    { instruction, kind: 'VMfailValid', error },
  ];
  const failures = await lab.failures();
  expect([...failures]).toEqual([
    [
      'vmwrite-without-vmcs',
      { instruction: 'vmwrite-without-vmcs', kind: 'VMfailInvalid', error: undefined },
    ],
    ['vmptrld', undefined],
    valid('vmwrite-unknown-field', 12),
    valid('vmclear-unaligned', 2),
    valid('vmptrld-vmxon-region', 10),
    valid('invept-unknown-type', 28),
    valid('vmresume-unlaunched', 5),
  ]);
});
