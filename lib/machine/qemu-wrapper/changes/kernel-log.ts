import type { Draft } from '../draft.js';
import { addKernelArguments } from './kernel-arguments.js';

/** As images/reference/launch-opentdx.sh has it: more than the two lines for each page of a 256 MiB mapping. */
const wanted = 'log_buf_len=16M';

/** Gives the kernel a log that holds what its driver says of a large mapping, unless the command line sizes the log itself. */
export function enlargeKernelLog(draft: Draft): void {
  if (draft.all('kernel').length === 0) return;
  const given = draft.all('append').at(-1)?.value ?? '';
  if (/(^|\s)log_buf_len=/.test(given)) return;
  addKernelArguments(draft, [wanted], 'two lines for each page of a large mapping overflow the built-in log');
}
