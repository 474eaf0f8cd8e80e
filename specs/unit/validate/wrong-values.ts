/** Values that are none of this one's kind. */
export function wrongsFor(value: unknown): unknown[] {
  const others: readonly unknown[] = [
    NaN,
    -1,
    1.5,
    '',
    ' ',
    true,
    -1n,
    1n << 64n,
    [],
    {},
    new Map(),
    () => 1,
    Symbol('s'),
    null,
    undefined,
  ];
  if (typeof value === 'boolean') return others.filter((other) => typeof other !== 'boolean');
  if (Array.isArray(value)) return others.filter((other) => !Array.isArray(other));
  return [...others];
}

/** An object that is right, with one thing wrong: each key misspelt, each value of another kind. And in words which. */
export function wrongObjects(right: object): [string, object][] {
  const entries = Object.entries(right) as [string, unknown][];
  return entries.flatMap(([key, value]) => {
    const others = Object.fromEntries(entries.filter(([name]) => name !== key));
    return [
      ...misspellings(key).map((name): [string, object] => [name, { ...others, [name]: value }]),
      ...[...wrongsFor(value), Promise.resolve(value)].map((wrong): [string, object] => [
        `${key} ${String(wrong)}`,
        { ...right, [key]: wrong },
      ]),
    ];
  });
}

function misspellings(key: string): string[] {
  const last = key.slice(-1);
  return [
    key.slice(0, -1),
    `${key}${last}`,
    key.toUpperCase(),
    `${key.charAt(0).toUpperCase()}${key.slice(1)}`,
    `${key.slice(1, 2)}${key.charAt(0)}${key.slice(2)}`,
    `${key} `,
    'nonsense',
  ];
}
