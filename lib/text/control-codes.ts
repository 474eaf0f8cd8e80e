/**
 * What a terminal obeys rather than shows (ECMA-48): control sequences (ESC [ …), strings (ESC ] … and its kin, up to BEL or
 * ESC \, also when they never end), two- and three-byte escapes. Each part is bounded by a character class that excludes its
 * own end, so that no guest text makes matching slow.
 */
const escapes =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;

/**
 * What is not shown, or changes how its neighbours are: controls (Cc; tab and newline are text), format characters (Cf: text-direction
 * marks, zero-width ones, tags), line and paragraph separators (Zl, Zp), halves of a pair (Cs). Unicode's general categories.
 */
export const controls = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Without what only colours text or moves a cursor. Controls that are left are still in it. */
export function stripEscapes(text: string): string {
  return text.replace(escapes, '');
}

/**
 * Guest text made fit for being shown: without escape sequences, control codes (tab and newline stay) and characters that reorder or hide
 * text. It is not escaped for HTML.
 */
export function stripControlCodes(text: string): string {
  return stripEscapes(text).replace(controls, '');
}
