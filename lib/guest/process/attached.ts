import type { AddressSpace, PhysicalMemory, X86Entry } from '../../paging/index.js';
import { GuestProcessEndedError } from '../ssh/index.js';
import type { ProcessChoice, ProcessFinder } from './address-space.js';
import { ProcessGoneError } from './errors.js';
import { type ProcessHost, SeenProcess } from './seen-process.js';

/** Any process of the guest. Its page tables are found anew at each look, as an exec has others. */
export class AttachedProcess extends SeenProcess {
  readonly host: ProcessHost;
  readonly pid: number;
  /** `comm`, up to 15 bytes, when it was found. */
  readonly name: string;
  readonly #finder: ProcessFinder;

  protected constructor(
    host: ProcessHost,
    finder: ProcessFinder,
    { pid, name }: { pid: number; name: string },
  ) {
    super();
    this.host = host;
    this.pid = pid;
    this.name = name;
    this.#finder = finder;
  }

  /** @throws ProcessSelectionError no such process, several of that name, or a kernel thread */
  static async attach(
    host: ProcessHost,
    finder: ProcessFinder,
    process: ProcessChoice,
  ): Promise<AttachedProcess> {
    return new AttachedProcess(host, finder, await finder.find(host.memory, process));
  }

  /** Under page-table isolation the kernel's copy. @throws GuestProcessEndedError */
  override async tables(memory: PhysicalMemory): Promise<AddressSpace<X86Entry>> {
    try {
      return (await this.#finder.find(memory, this.pid)).space;
    } catch (error) {
      if (!(error instanceof ProcessGoneError)) throw error;
      throw new GuestProcessEndedError(
        `Process ${this.pid} (${this.name}) has ended${this.howItEnded()}: there are no page tables of it. ` +
          'Have it wait while it is looked at: for a line of its stdin, or in pause().',
      );
    }
  }

  /** For the message that says so. */
  protected howItEnded(): string {
    return '';
  }
}
