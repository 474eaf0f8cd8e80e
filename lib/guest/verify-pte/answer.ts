import { VerifyPteError, VerifyPteUnavailableError } from './errors.js';

/** What `/proc/verify_pte` says of one address. */
export interface VerifiedPte {
  readonly address: bigint;
  readonly pid: number;
  /** The entry at which the kernel's walk ends, of whatever size. */
  readonly pte: bigint;
  /** `_PAGE_USER` of that entry alone. */
  readonly user: boolean;
  /** The hardware's present bit: false for PROT_NONE and swapped pages. */
  readonly present: boolean;
  /** Of the 4 KiB asked for, also within a huge page; undefined where there is no page. */
  readonly physicalAddress: bigint | undefined;
  /** `4 KiB page`, `2 MiB page`, `4 KiB PROT_NONE page`, `4 KiB swap entry`; undefined if the module does not say. */
  readonly entry: string | undefined;
  /** Whether all levels together let user mode in; undefined if the module does not say. */
  readonly effectiveUser: boolean | undefined;
}

const hexadecimal = /^0x([0-9a-f]{1,16})$/i;

/**
 * Parses an answer: the lines of the contract (see images/reference/modules/README.md), in any order, others beside them.
 *
 * @param query for messages
 * @throws VerifyPteError for an `Error:` answer
 * @throws VerifyPteUnavailableError for what is no answer of the module, or one that contradicts itself
 */
export function parseAnswer(query: string, text: string): VerifiedPte {
  const said = /^Error:\s*(.*)$/m.exec(text)?.[1];
  if (said !== undefined) throw new VerifyPteError(query, said);

  const lines = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([^:]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) lines.set(name, value);
  }
  const wrong = (what: string): never => {
    throw new VerifyPteUnavailableError(
      `/proc/verify_pte answered ${query} with ${what}: ${JSON.stringify(text.slice(0, 500))}. ` +
        'Is the module in the guest of the same version as this harness?',
    );
  };
  const number = (name: string): bigint => {
    const value = lines.get(name);
    return value !== undefined && hexadecimal.test(value) ? BigInt(value) : wrong(`no '${name}'`);
  };
  const flag = (name: string, yes: RegExp, no: RegExp): boolean => {
    const value = lines.get(name) ?? wrong(`no '${name}'`);
    return yes.test(value) || (no.test(value) ? false : wrong(`an unknown '${name}'`));
  };

  const pid = lines.get('Target PID') ?? '';
  const pte = number('PTE Value');
  const user = flag('_PAGE_USER bit', /^SET \(user page\) \(0x4\)$/, /^CLEARED \(kernel page\) \(0x0\)$/);
  if (user !== ((pte & 4n) !== 0n)) wrong("a '_PAGE_USER bit' that is not bit 2 of its 'PTE Value'");
  return {
    address: number('Virtual Address'),
    pid: /^\d{1,7}$/.test(pid) ? Number(pid) : wrong("no 'Target PID'"),
    pte,
    user,
    present: flag('PTE Present', /^Yes$/, /^No$/),
    physicalAddress: lines.has('Physical Address') ? number('Physical Address') : undefined,
    entry: lines.get('Entry'),
    effectiveUser: lines.has('Effective User') ? flag('Effective User', /^Yes$/, /^No$/) : undefined,
  };
}
