import { printable, stripEscapes } from '../../text/index.js';

const MAX_COMMAND_CHARACTERS = 300;
const MAX_TAIL_CHARACTERS = 2000;

/** A command for people: words that need no quotes stay bare, and a long one is cut. */
export function describeCommand(argv: readonly string[]): string {
  const words = argv.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  const text = printable(words.join(' '));
  return text.length > MAX_COMMAND_CHARACTERS
    ? `${text.slice(0, MAX_COMMAND_CHARACTERS)}… (${text.length} characters)`
    : text;
}

/** The end of what the guest said, without control codes: its text goes to terminals and reports, and is not trusted. */
export function tailOf(output: Buffer): string {
  // One UTF-8 character has at most 4 bytes: cut before decoding, so that a huge output costs nothing.
  const end = output.subarray(Math.max(0, output.length - 4 * MAX_TAIL_CHARACTERS)).toString('utf8');
  return printable(stripEscapes(end.replaceAll('\r\n', '\n')))
    .slice(-MAX_TAIL_CHARACTERS)
    .trim();
}

/** Both outputs of a command, named, for an error message. */
export function describeOutput(stdout: Buffer, stderr: Buffer): string {
  const parts = [
    ['stdout', tailOf(stdout)],
    ['stderr', tailOf(stderr)],
  ].filter(([, text]) => text !== '');
  return parts.length === 0
    ? 'no output'
    : parts.map(([name, text]) => `last of ${name ?? ''}:\n${text ?? ''}`).join('\n');
}
