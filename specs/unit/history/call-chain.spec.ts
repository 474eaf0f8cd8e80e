import { expect, test } from '@playwright/test';

import { callChain } from '../../../lib/history/call-chain.js';

/** Functions of 0x100 bytes each, by name. */
const functions = ['writer', 'ioctl', 'vfs', 'syscall', 'stranger'];
const base = 0xffff_ffff_8100_0000n;
const start = (name: string): bigint => base + BigInt(functions.indexOf(name)) * 0x100n;
const resolve = (address: bigint) => {
  const name = functions[Number((address - base) / 0x100n)];
  if (address < base || name === undefined) return undefined;
  const offset = address - start(name);
  return { name, offset, module: undefined, text: `${name}+0x${offset.toString(16)}` };
};

const code = new Map<bigint, Buffer>();
/** A return address in a function, behind a call: of another function, or through a register. */
function returnTo(caller: string, at: number, callee: string | undefined): bigint {
  const address = start(caller) + BigInt(at);
  const bytes = Buffer.alloc(7, 0x90);
  if (callee === undefined) bytes.set([0xff, 0xd0], 5);
  else {
    bytes[2] = 0xe8;
    bytes.writeInt32LE(Number(start(callee) - address), 3);
  }
  code.set(address, bytes);
  return address;
}

const rsp = 0xffff_c900_0000_3f00n;

/** Of a stack of these words; `rbp` points to one of them. */
const chain = async (words: readonly bigint[], rbp?: number): Promise<string[]> => {
  const stack = Buffer.alloc(words.length * 8);
  for (const [index, word] of words.entries()) stack.writeBigUInt64LE(word, index * 8);
  const frames = await callChain({
    rip: start('writer') + 0x20n,
    stack,
    framePointers: rbp === undefined ? undefined : { rsp, rbp: rsp + BigInt(rbp) * 8n },
    resolve,
    before: (address) => Promise.resolve(code.get(address)),
  });
  return frames.map(({ text, certain }) => `${certain ? '' : '? '}${text}`);
};

test('a return address is certain where the call before it calls the function below', async () => {
  expect(await chain([7n, returnTo('ioctl', 0x30, 'writer'), 0n, returnTo('vfs', 0x40, 'ioctl')])).toEqual([
    'ioctl+0x30',
    'vfs+0x40',
  ]);
});

test('what an earlier call has left there, and a number that looks like an address of code, are not certain', async () => {
  expect(
    await chain([
      returnTo('stranger', 0x10, 'syscall'),
      start('vfs') + 0x80n,
      returnTo('ioctl', 0x30, 'writer'),
    ]),
  ).toEqual(['? stranger+0x10', 'ioctl+0x30']);
});

test('a call through a register is certain once its own function is called by name further up', async () => {
  expect(await chain([returnTo('vfs', 0x50, undefined)])).toEqual(['? vfs+0x50']);
  expect(await chain([returnTo('vfs', 0x50, undefined), returnTo('syscall', 0x60, 'vfs')])).toEqual([
    'vfs+0x50',
    'syscall+0x60',
  ]);
});

test('a call through a register is certain where frame pointers lead to it, and what they pass over is not', async () => {
  const saved = (word: number): bigint => rsp + BigInt(word) * 8n;
  const words = [
    returnTo('stranger', 0x10, undefined),
    saved(4),
    returnTo('ioctl', 0x30, undefined),
    returnTo('stranger', 0x20, undefined),
    1n,
    returnTo('vfs', 0x50, undefined),
  ];
  expect(await chain(words, 1)).toEqual(['? stranger+0x10', 'ioctl+0x30', '? stranger+0x20', 'vfs+0x50']);
  // A chain that leads nowhere, downwards or in a circle ends.
  expect(await chain([saved(0), returnTo('ioctl', 0x30, undefined)], 0)).toEqual(['ioctl+0x30']);
  expect(await chain(words, 4000)).toEqual([
    '? stranger+0x10',
    '? ioctl+0x30',
    '? stranger+0x20',
    '? vfs+0x50',
  ]);
});
