import { InfrastructureError } from '../../errors.js';
import { address, check, flag, shape, whole } from '../../validate/index.js';
import { type AddressSpace, type EptEntry, eptSpace } from '../../paging/index.js';
import type { CommandShell } from '../command-shell.js';
import { guestPhysicalWidth } from '../cpuinfo.js';

/** What the module's guest found; see the comment of `ept_lab_guest` in images/ept/modules/ept_lab/switch.S. */
export interface Experiment {
  /** VM exits. */
  readonly exits: number;
  /** Exit reason field of the last exit: bit 31 is a failed VM entry. */
  readonly reason: bigint;
  readonly qualification: bigint;
  /** Physical addresses of the two pages of 2 MiB, which the module keeps. */
  readonly pages: readonly [bigint, bigint];
  /** RDI, RSI and RDX at the last exit. */
  readonly arguments: readonly [bigint, bigint, bigint];
  /** What the guest read through the second page before and after the alias was made. */
  readonly before: bigint;
  readonly after: bigint;
  /** What a write through the second page left in the first, and one through the first in the second, as the guest sees it. */
  readonly there: bigint;
  readonly back: bigint;
  /** The VMX instruction that failed, if one did. */
  readonly failure: VmxFailure | undefined;
}

/** How a VMX instruction failed (SDM vol. 3, 31.2). */
export interface VmxFailure {
  readonly instruction: string;
  /** `VMfailInvalid` has no number: there is no VMCS to put it into. */
  readonly kind: 'VMfailInvalid' | 'VMfailValid';
  /** VM-instruction error field (SDM vol. 3, 31.4); undefined for VMfailInvalid. */
  readonly error: number | undefined;
}

const file = '/proc/ept_lab';

/** The guest module ept_lab: an EPT of its own, and a guest of a few instructions that runs on it. */
export class EptLab {
  /** Guest-physical address whose entry was changed last. */
  lastChanged = 0n;
  readonly #guest: CommandShell;

  private constructor(guest: CommandShell) {
    this.#guest = guest;
  }

  /** Loads the module. */
  static async load(guest: CommandShell): Promise<EptLab> {
    await guest.succeed(['insmod', '/lib/modules/ept_lab.ko']);
    return new EptLab(guest);
  }

  /** Unloads it, with all that it made. */
  async unload(): Promise<void> {
    await this.#guest.succeed(['rmmod', 'ept_lab']);
  }

  /**
   * Makes the identity map.
   *
   * @param failAt the number of the table whose allocation is to fail, counted from 1
   */
  async build(failAt?: number): Promise<void> {
    await this.#command(
      failAt === undefined ? 'build' : `build ${check('build', 'failAt', whole(1), failAt)}`,
    );
  }

  async free(): Promise<void> {
    await this.#command('free');
  }

  /** Lets the page of `second` lead to the frame that the page of `first` leads to. */
  async alias(first: bigint, second: bigint): Promise<void> {
    this.lastChanged = second;
    await this.#command(`alias ${hex(first)} ${hex(second)}`);
  }

  async swap(first: bigint, second: bigint): Promise<void> {
    this.lastChanged = second;
    await this.#command(`swap ${hex(first)} ${hex(second)}`);
  }

  /** Writes the entry that maps the address `at` at `level`. */
  async set(at: bigint, level: 2 | 3 | 4, value: bigint): Promise<void> {
    check('set', 'level', whole(2, 4), level);
    this.lastChanged = at;
    await this.#command(`set ${hex(at)} ${level} ${hex(value)}`);
  }

  /** The EPT pointer, 0 when there is no map, and how many pages its tables take. */
  async state(): Promise<{ readonly eptp: bigint; readonly tables: number }> {
    const words = await this.#read();
    return { eptp: number(words, 'eptp'), tables: Number(number(words, 'tables')) };
  }

  /** The map, read as the guest's processor reads it. */
  async space(): Promise<AddressSpace<EptEntry>> {
    const { eptp } = await this.state();
    return eptSpace({ eptp, maxPhysicalAddress: await guestPhysicalWidth(this.#guest) });
  }

  /** Runs the guest in VMX non-root mode on the map; KVM must have no VM. */
  async run(options: { readonly invept: boolean }): Promise<Experiment> {
    const { invept } = check(
      'run',
      'options',
      shape<{ readonly invept: boolean }>({ invept: flag }),
      options,
    );
    await this.#command(invept ? 'run invept' : 'run');
    const words = await this.#read();
    const failed = words.get('failed');
    return {
      exits: Number(number(words, 'exits')),
      reason: number(words, 'reason'),
      qualification: number(words, 'qualification'),
      pages: [number(words, 'page1'), number(words, 'page2')],
      arguments: [number(words, 'rdi'), number(words, 'rsi'), number(words, 'rdx')],
      before: number(words, 'before'),
      after: number(words, 'after'),
      there: number(words, 'there'),
      back: number(words, 'back'),
      failure: failed && failureOf(failed[0] ?? '', failed[1] === 'v', failed[2]),
    };
  }

  /** Has VMX instructions fail that must, by name; undefined for one that succeeded. */
  async failures(): Promise<ReadonlyMap<string, VmxFailure | undefined>> {
    await this.#command('failures');
    const words = await this.#read();
    words.delete('eptp');
    words.delete('tables');
    return new Map(
      [...words].map(([name, [kind = '', error]]) => [
        name,
        kind === 'succeeded' ? undefined : failureOf(name, kind === 'valid', error),
      ]),
    );
  }

  /** The kernel's own words for a command that it refuses are in the error. */
  async #command(text: string): Promise<void> {
    // One write(2) is one command.
    await this.#guest.succeed(['sh', '-c', `echo "$1" > ${file}`, 'sh', text]);
  }

  async #read(): Promise<Map<string, string[]>> {
    const text = await this.#guest.succeed(['cat', file]);
    return new Map(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([name = '', ...rest]) => [name, rest]),
    );
  }
}

function failureOf(instruction: string, valid: boolean, error: string | undefined): VmxFailure {
  return valid
    ? { instruction, kind: 'VMfailValid', error: Number(error) }
    : { instruction, kind: 'VMfailInvalid', error: undefined };
}

function number(words: ReadonlyMap<string, readonly string[]>, name: string): bigint {
  const text = words.get(name)?.[0] ?? '';
  if (!/^0x[0-9a-f]+$/.test(text)) {
    throw new InfrastructureError(
      `${file} tells no ${name}, but: ${JSON.stringify([...words])}. Is the module this project's?`,
    );
  }
  return BigInt(text);
}

function hex(value: bigint): string {
  return `0x${check('EptLab', 'an address or a value', address, value).toString(16)}`;
}
