import { InfrastructureError } from '../errors.js';
import { describeExit, type ProcessExit } from './ownership/exit.js';

/** The VM ended while it was in use, without being asked to. */
export class MachineDiedError extends InfrastructureError {
  override readonly name = 'MachineDiedError';
  readonly exit: ProcessExit;
  /** The last console lines, at most 50, without control codes. */
  readonly consoleTail: readonly string[];

  constructor(
    title: string,
    program: 'QEMU' | 'Bochs',
    exit: ProcessExit,
    consoleTail: readonly string[],
    logFile: string,
  ) {
    super(
      [
        `${title}: ${program} died while the test used it: ${describeExit(exit)}.`,
        `Full console log: ${logFile}`,
        ...(consoleTail.length === 0 ? ['The console printed nothing.'] : ['Console, last lines:']),
        ...consoleTail.map((line) => `  | ${line}`),
      ].join('\n'),
    );
    this.exit = exit;
    this.consoleTail = consoleTail;
  }
}

/** The stack cannot give what a spec asks of it, and does not give something else instead. */
export class UnsupportedOptionError extends InfrastructureError {
  override readonly name = 'UnsupportedOptionError';
}

/** Somebody else has the gdb stub, which serves one. */
export class StubTakenError extends InfrastructureError {
  override readonly name = 'StubTakenError';
}
