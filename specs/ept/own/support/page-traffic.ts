import type { CommandShell } from '../../../../lib/guest/command-shell.js';
import { traced } from '../../../../lib/guest/trace/events.js';

/** Tables that the module ept_lab allocated while `work` ran, and all pages that the kernel freed by free_pages(): linear addresses. */
export async function pageTraffic(
  guest: CommandShell,
  work: () => Promise<unknown>,
): Promise<{ readonly allocated: bigint[]; readonly freed: bigint[] }> {
  const probes = [
    {
      name: 'allocated',
      function: 'ept_lab:allocate_table',
      arguments: 'address=$retval:x64',
      atReturn: true,
    },
    { name: 'freed', function: 'free_pages', arguments: 'address=%di:x64' },
  ];
  const events = await traced(guest, { probes }, work);
  const addresses = (name: string): bigint[] =>
    events
      .filter((event) => event.name === name)
      .map(({ text }) => BigInt(/address=(0x[0-9a-f]+)/.exec(text)?.[1] ?? 0))
      // What could not be allocated.
      .filter((address) => address !== 0n);
  return { allocated: addresses('allocated'), freed: addresses('freed') };
}
