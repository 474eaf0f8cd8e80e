/**
 * Longest argument that Linux passes to a program, in bytes without its final NUL (MAX_ARG_STRLEN, 32 pages of 4 KiB,
 * include/uapi/linux/binfmts.h).
 */
const MAX_ARGUMENT_BYTES = 32 * 4096 - 1;

/**
 * One argument as a word of a POSIX shell that stands for exactly these characters (POSIX.1-2017, XCU 2.2.2: within
 * single quotes every character keeps its own meaning).
 *
 * @throws {RangeError} the text cannot be an argument: it holds a NUL or half a surrogate pair, or is 128 KiB or longer.
 */
export function quote(argument: string): string {
  if (argument.includes('\0')) {
    throw new RangeError(
      `An argument of a guest command holds a NUL byte, which no program can be given: ${excerpt(argument)}`,
    );
  }
  if (/\p{Surrogate}/u.test(argument)) {
    throw new RangeError(
      `An argument of a guest command holds half a surrogate pair, which UTF-8 cannot express: ${excerpt(argument)}`,
    );
  }
  const bytes = Buffer.byteLength(argument);
  if (bytes > MAX_ARGUMENT_BYTES) {
    throw new RangeError(
      `An argument of a guest command has ${bytes} bytes; Linux passes at most ${MAX_ARGUMENT_BYTES} (MAX_ARG_STRLEN). ` +
        `Give it through stdin or upload it: ${excerpt(argument)}`,
    );
  }
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/**
 * A program and its arguments as a POSIX shell command. The name is resolved as the guest's shell does it.
 *
 * @throws {RangeError} there is no program name, or an argument that cannot be passed (see {@link quote}).
 */
export function commandLine(argv: readonly string[]): string {
  if (argv[0] === undefined || argv[0] === '') {
    throw new RangeError('A guest command needs a program name as its first element.');
  }
  return argv.map(quote).join(' ');
}

function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 60)) + (text.length > 60 ? '…' : '');
}
