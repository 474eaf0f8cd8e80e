import type { CommandResult } from './ssh/run-command.js';

/** Bounds of a command; a shell may have more. */
export interface CommandBounds {
  readonly timeoutMs?: number;
  /** Until it has started, where that can be told. */
  readonly startTimeoutMs?: number;
  readonly maxOutputBytes?: number;
  readonly stdin?: string;
}

/** What runs commands in a guest, whatever the way there: the ssh shell, or the serial one. */
export interface CommandShell {
  /** Runs a program with exactly these arguments and waits for its end; its exit code is for the caller to judge. */
  run(argv: readonly string[], options?: CommandBounds): Promise<CommandResult<string>>;
  /** Runs a program that must end with 0, and answers its stdout. @throws GuestCommandError */
  succeed(argv: readonly string[], options?: CommandBounds): Promise<string>;
}

/** A process in a guest that is spoken to in lines; see GuestProcess and SerialProcess. */
export interface LineProcess {
  writeLine(line: string): Promise<void>;
  readLine(options: { readonly timeoutMs: number }): Promise<string>;
  /** Tells the process that no more lines come. */
  closeStdin(): void;
  kill(): Promise<unknown>;
  readonly exited: Promise<unknown>;
}

/** What starts such processes in a guest, whatever the way there. */
export interface LineShell {
  spawn(argv: readonly string[]): Promise<LineProcess>;
}

/** All that every guest has, whatever the way there. */
export interface Guest extends CommandShell {
  spawn(argv: readonly string[]): Promise<LineProcess & AsyncIterable<string>>;
  /** Runs a POSIX sh script; `scriptArguments` are its $1, $2, …. */
  shell(
    script: string,
    options?: CommandBounds,
    ...scriptArguments: string[]
  ): Promise<CommandResult<string>>;
  /** Ends what commands have left running in the guest, where the way there keeps a list of it. */
  endStrayProcesses?(): Promise<unknown>;
  /** Ends the way there: pending and later calls are rejected. */
  close(): Promise<void>;
}
