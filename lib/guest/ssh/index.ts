export {
  GuestCommandError,
  GuestFileError,
  GuestOutputLimitError,
  GuestProcessEndedError,
  GuestTimeoutError,
  GuestUnreachableError,
  IdentityFileError,
} from './errors.js';
export type { GuestProcess } from './guest-process.js';
export { createGuestShell, GuestShell, type GuestShellOptions } from './guest-shell.js';
export type { CommandResult } from './run-command.js';
export { GUEST_HOST_KEY_ALIAS } from './known-hosts.js';
export { quote } from './quote.js';
