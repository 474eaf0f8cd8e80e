import { check, optional, shape, whole, word } from '../../validate/index.js';
import type { GuestShell } from '../ssh/index.js';
import { parseAnswer, type VerifiedPte } from './answer.js';
import { VerifyPteUnavailableError } from './errors.js';

/** Which entry to look at. */
export interface PteQuery {
  /** Of user mode. */
  readonly address: bigint;
  /** The process; the one that reads when left out, which is of use only to that process itself. */
  readonly pid?: number;
}

const pteQuery = shape<PteQuery>({ address: word(), pid: optional(whole(0)) });

/** Ends an answer in what the script below prints. No line of the module's begins with it. */
const separator = '--';

/**
 * Writes and reads through one open file for each query, so that nobody else's comes between. The shell's own `read` reads: a
 * process for each would take 20 ms in an emulated guest. It asks for a byte at a time, which the module's answer bears.
 */
const script = `
exec 3<>/proc/verify_pte || exit 3
while read -r query; do
  printf '%s\\n' "$query" >&3 2>/dev/null
  while read -r line <&3; do printf '%s\\n' "$line"; done
  echo ${separator}
done`;

/**
 * Asks the guest's kernel, through the verify_pte module, for the entry behind an address.
 *
 * @throws VerifyPteError the kernel has none to show: no such process, nothing mapped
 * @throws VerifyPteUnavailableError the module is not loaded, or the user is not root
 */
export async function verifyPte(guest: GuestShell, query: PteQuery): Promise<VerifiedPte> {
  const [answer] = await verifyPtes(guest, [query]);
  if (answer === undefined) throw new TypeError('a query without an answer');
  return answer;
}

/** The same for many addresses, in one command and in the order asked. The first that has no entry throws. */
export async function verifyPtes(guest: GuestShell, queries: readonly PteQuery[]): Promise<VerifiedPte[]> {
  const texts = queries.map((query) => queryText(check('verifyPte', 'query', pteQuery, query)));
  const stdin = texts.map((text) => `${text}\n`).join('');
  const { exitCode, stdout, stderr } = await guest.shell(script, { stdin, timeoutMs: 60_000 });
  if (exitCode !== 0) throw unavailable(stderr);
  const answers = stdout.split(`${separator}\n`);
  return texts.map((text, index) => parseAnswer(text, answers[index] ?? ''));
}

/** `126:0x7f8b84f34000`, as the module takes it. */
export function queryText({ address, pid }: PteQuery): string {
  const hex = `0x${address.toString(16)}`;
  return pid === undefined ? hex : `${pid}:${hex}`;
}

function unavailable(stderr: string): VerifyPteUnavailableError {
  const remedy = /permission denied/i.test(stderr)
    ? 'It is for root alone: its answers hold physical addresses. Connect to the guest as root.'
    : 'Load the module (insmod verify_pte.ko, built for the kernel that runs).';
  return new VerifyPteUnavailableError(
    `/proc/verify_pte cannot be used: ${stderr.trim().slice(0, 300)}. ${remedy}`,
  );
}
