/** A value that no picture can be made of: the message names the value and what would be accepted. A caller's mistake. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
}
