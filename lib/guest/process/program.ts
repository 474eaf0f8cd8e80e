import type { ProcessEnd } from '../ssh/guest-process.js';
import type { GuestProcess, GuestShell } from '../ssh/index.js';
import type { ProcessFinder } from './address-space.js';
import { AttachedProcess } from './attached.js';
import type { ProcessHost } from './seen-process.js';

/** A line of a program that has little to do; its guest may be emulated on a busy host. */
const lineMs = 20_000;
const execMs = 30_000;

/** Stands in the command line until the program has taken the shell's place. */
const starting = 'opentdx-e2e-starting';

/** A program that was started in the guest, spoken to in lines, and seen from outside. */
export class Program extends AttachedProcess {
  /** Its end, with exit code and stderr. */
  readonly exited: Promise<ProcessEnd>;
  readonly #process: GuestProcess;
  #end: ProcessEnd | undefined;

  private constructor(
    host: ProcessHost,
    finder: ProcessFinder,
    identity: { pid: number; name: string },
    process: GuestProcess,
  ) {
    super(host, finder, identity);
    this.#process = process;
    this.exited = process.exited;
    this.exited.then(
      (end) => (this.#end = end),
      () => undefined,
    );
  }

  /** Starts a command; when this resolves, it runs, or has run. @param name for messages */
  static async start(
    host: ProcessHost & { readonly guest: GuestShell },
    finder: ProcessFinder,
    argv: readonly string[],
    name: string,
  ): Promise<Program> {
    const { machine, guest } = host;
    const script = `: ${starting}; echo $$; exec "$@"`;
    const process = await machine.guard(guest.spawn(['sh', '-c', script, 'sh', ...argv]));
    const pid = Number(await machine.guard(process.readLine({ timeoutMs: lineMs * machine.pace })));
    const isRunning = ['sh', '-c', `! grep -qs ${starting} "/proc/$1/cmdline"`, 'sh', String(pid)];
    await machine.guard(guest.waitUntilSucceeds(isRunning, { deadlineMs: execMs * machine.pace }));
    return new Program(host, finder, { pid, name }, process);
  }

  /**
   * The next line of its stdout, without its newline.
   *
   * @param options.timeoutMs default: 20 s
   * @throws GuestTimeoutError, GuestProcessEndedError with the end of its stderr
   */
  readLine({
    timeoutMs = lineMs * this.host.machine.pace,
  }: { readonly timeoutMs?: number } = {}): Promise<string> {
    return this.step('readLine', [], () => this.host.machine.guard(this.#process.readLine({ timeoutMs })));
  }

  /** Sends a line to its stdin. @throws GuestProcessEndedError */
  writeLine(line: string): Promise<void> {
    return this.step('writeLine', [line], () => this.host.machine.guard(this.#process.writeLine(line)));
  }

  /** Ends it, and all that it started, with SIGKILL. */
  async kill(): Promise<void> {
    await this.host.machine.guard(this.#process.kill());
  }

  protected override howItEnded(): string {
    if (!this.#end) return '';
    const { exitCode, stderr } = this.#end;
    return ` with exit code ${exitCode}${stderr === '' ? '' : ` (its stderr: ${stderr.trim().slice(-300)})`}`;
  }
}
