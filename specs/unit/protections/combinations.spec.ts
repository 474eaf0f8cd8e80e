import { expect, test } from '@playwright/test';
import { combinations } from '../../support/protections.js';

test('there are sixteen, each once', () => {
  expect(new Set(combinations.map(({ name }) => name)).size).toBe(16);
  const rights = combinations.map((each) => [each.read, each.write, each.execute, each.shared].join());
  expect(new Set(rights).size).toBe(16);
});

test('name, letters and kind of memory say the same', () => {
  for (const { name, protection, kind, read, write, execute, shared } of combinations) {
    expect(name).toBe(`${read ? 'r' : '-'}${write ? 'w' : '-'}${execute ? 'x' : '-'}${shared ? 's' : 'p'}`);
    expect(protection).toBe(name.slice(0, 3).replaceAll('-', ''));
    expect(kind).toBe(shared ? 'shared' : 'anonymous');
  }
});
