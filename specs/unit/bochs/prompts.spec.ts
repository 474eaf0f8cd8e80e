import { expect, test } from '@playwright/test';

import { PromptFramer } from '../../../lib/bochs/prompts.js';

const stream = 'start\n<bochs:1> one <bochs:9> \n<bochs:2> <bochs:3> rest';
const replies = ['start\n', 'one <bochs:9> \n', ''];

test('a reply ends at the prompt of its own number, and at no other', () => {
  const framer = new PromptFramer();
  expect([...framer.push(stream)]).toEqual(replies);
  expect(framer.partial).toBe('rest');
});

test('a prompt may be split anywhere', () => {
  for (let size = 1; size <= stream.length; size += 1) {
    const framer = new PromptFramer();
    const chunks = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    expect(
      chunks.flatMap((chunk) => [...framer.push(chunk)]),
      `chunks of ${size}`,
    ).toEqual(replies);
  }
});

test('a prompt of more digits than the last is found when it comes in pieces', () => {
  const framer = new PromptFramer();
  for (let number = 1; number < 10; number += 1) expect([...framer.push(`<bochs:${number}> `)]).toEqual(['']);
  expect([...framer.push('text<bochs:1')]).toEqual([]);
  expect([...framer.push('0> ')]).toEqual(['text']);
});
