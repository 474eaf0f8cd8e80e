/** Characters of a text that a message shows. */
const longest = 60;

/** A value in a few words, for the message that refuses it. */
export function shown(value: unknown): string {
  if (isPromise(value)) return 'a promise: await it first';
  if (typeof value === 'string') {
    return JSON.stringify(value.length > longest ? `${value.slice(0, longest)}…` : value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value !== 'object' || value === null) return String(value);
  const { name } = (value as { readonly constructor?: { readonly name?: string } }).constructor ?? {};
  if (name !== undefined && name !== 'Object') return `a ${name}`;
  return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
