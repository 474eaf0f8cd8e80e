/** How the folders of harnesses are called, in every parent; 16 hexadecimal digits of the owner's token follow. See reap.js. */
export const folderPrefix = 'opentdx-e2e-';

/** The lease that says that the harness with this token is alive. */
export function ownerLease(token: string): string {
  return `owner/${token}`;
}
