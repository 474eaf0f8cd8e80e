/** Longest text that any picture takes in; the rest of a 1 MB console line is cut off before anything else looks at it. */
const MAX_TEXT = 2000;

const TERMINAL_SEQUENCE = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;
const LINE_BREAK = /\r\n|[\n\u0085\u2028\u2029]/g;
const C0_CONTROL = /[\u0000-\u001f]/g;
/** C1 controls, lone surrogates, noncharacters, and format characters (bidirectional overrides, zero-width text). */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Cf}\p{Co}\p{Cn}]/gu;
/** A letter under a pile of accents would be painted over its neighbours. */
const PILED_MARKS = /(\p{M}{2})\p{M}+/gu;

/**
 * Untrusted text (a guest's console, its process names) as one line that shows what is in it and does nothing: terminal
 * colour sequences are dropped, line breaks and control characters become their Unicode pictures (␊, ␛, ␀), whatever
 * cannot be shown or would reorder or overprint its neighbours becomes U+FFFD. Longer texts are cut at 2000 characters.
 * The result holds only characters that XML 1.0 allows, but `<` and `&` are still themselves: see `escapeXml`.
 */
export function visible(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .replace(TERMINAL_SEQUENCE, '')
    .replace(LINE_BREAK, '\u240a')
    .replace(C0_CONTROL, (character) => String.fromCharCode(0x2400 + character.charCodeAt(0)))
    .replace(/\u007f/g, '\u2421')
    .replace(UNSHOWABLE, '\ufffd')
    .replace(PILED_MARKS, '$1');
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands between tags or in an attribute. The input must be `visible` text. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
