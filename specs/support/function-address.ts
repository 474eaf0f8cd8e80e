import { InfrastructureError } from '../../lib/errors.js';
import type { GuestShell } from '../../lib/guest/ssh/index.js';

/**
 * Where a module's function begins in the running guest, from /proc/kallsyms, which shows addresses to root. A kernel that has the module
 * built in has it as a function of its own.
 *
 * @throws InfrastructureError when the module is neither loaded nor built in, or has no such function of its own (it was inlined, or renamed)
 */
export async function moduleFunctionAddress(
  guest: GuestShell,
  module: string,
  name: string,
): Promise<bigint> {
  const lookUp = 'grep -F -e "[$1]" -e " $2" /proc/kallsyms';
  const { stdout } = await guest.shell(lookUp, { timeoutMs: 60_000 }, module, name);
  let loaded = false;
  for (const line of stdout.split('\n')) {
    const [address, type, symbol, owner] = line.split(/\s+/);
    loaded ||= owner === `[${module}]`;
    if (owner !== undefined && owner !== `[${module}]`) continue;
    if (symbol !== name || address === undefined || !/^[0-9a-f]{16}$/.test(address)) continue;
    if (/^0+$/.test(address)) {
      throw new InfrastructureError(
        `The guest's /proc/kallsyms hides addresses (kernel.kptr_restrict, or not root), so ${name} cannot be found.`,
      );
    }
    if (type?.toLowerCase() === 't') return BigInt(`0x${address}`);
  }
  const seen = loaded
    ? `${module} has no such function`
    : `the module ${module} is neither loaded nor built in`;
  throw new InfrastructureError(`The guest's /proc/kallsyms does not have ${name}: ${seen}.`);
}
