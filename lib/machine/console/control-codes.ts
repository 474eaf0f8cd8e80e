/**
 * What a terminal obeys rather than shows (ECMA-48): control sequences (ESC [ …), strings (ESC ] … and its kin, up to BEL or
 * ESC \, also when they never end), two- and three-byte escapes. Each part is bounded by a character class that excludes its
 * own end, so that no guest text makes matching slow.
 */
const escapes =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;

/** C0 without tab and newline, DEL, C1, and the marks that reorder text on a page (Unicode bidirectional controls). */
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Guest text made fit for being shown: without escape sequences, control codes (tab and newline stay) and text-direction marks.
 * It is not escaped for HTML.
 */
export function stripControlCodes(text: string): string {
  return text.replace(escapes, '').replace(controls, '');
}
