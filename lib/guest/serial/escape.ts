/** Any bytes as one word of printable ASCII: what is not, and the percent sign, becomes `%` and two hexadecimal digits. */
export function escape(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^!-$&-~]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The bytes of such a word; undefined for what {@link escape} cannot have made. */
export function unescape(word: string): Buffer | undefined {
  if (!/^(?:[!-$&-~]|%[0-9a-f]{2})*$/.test(word)) return undefined;
  const text = word.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
  return Buffer.from(text, 'latin1');
}
