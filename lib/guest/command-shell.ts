import type { CommandResult } from './ssh/run-command.js';

/** What runs commands in a guest, whatever the way there: the ssh shell, or the serial one. */
export interface CommandShell {
  /** Runs a program with exactly these arguments and waits for its end; its exit code is for the caller to judge. */
  run(argv: readonly string[]): Promise<CommandResult<string>>;
  /** Runs a program that must end with 0, and answers its stdout. @throws GuestCommandError */
  succeed(argv: readonly string[]): Promise<string>;
}

/** A process in a guest that is spoken to in lines; see GuestProcess and SerialProcess. */
export interface LineProcess {
  writeLine(line: string): Promise<void>;
  readLine(options: { readonly timeoutMs: number }): Promise<string>;
  kill(): Promise<unknown>;
  readonly exited: Promise<unknown>;
}

/** What starts such processes in a guest, whatever the way there. */
export interface LineShell {
  spawn(argv: readonly string[]): Promise<LineProcess>;
}
