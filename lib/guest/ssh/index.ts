export {
  GuestCommandError,
  GuestFileError,
  GuestOutputLimitError,
  GuestProcessEndedError,
  GuestTimeoutError,
  GuestUnreachableError,
  IdentityFileError,
  type FileFailure,
  type UnreachableReason,
} from './errors.js';
export type { DownloadOptions, UploadOptions } from './files.js';
export type { GuestProcess, ProcessEnd, SpawnOptions } from './guest-process.js';
export { createGuestShell, type GuestShell, type GuestShellOptions } from './guest-shell.js';
export { GUEST_HOST_KEY_ALIAS } from './options.js';
export { quote } from './quote.js';
export type { Reachability } from './readiness.js';
export type { CommandResult, RunOptions } from './run-command.js';
