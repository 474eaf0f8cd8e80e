import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

/**
 * Where a module's function begins in the running guest, from /proc/kallsyms, which shows addresses to root.
 *
 * @throws InfrastructureError when the module is not loaded, or has no such function of its own (it was inlined, or renamed)
 */
export async function moduleFunctionAddress(
  guest: GuestShell,
  module: string,
  name: string,
): Promise<bigint> {
  const { stdout } = await guest.shell('grep -F "[$1]" /proc/kallsyms', { timeoutMs: 60_000 }, module);
  for (const line of stdout.split('\n')) {
    const [address, type, symbol] = line.split(/\s+/);
    if (symbol !== name || address === undefined || !/^[0-9a-f]{16}$/.test(address)) continue;
    if (/^0+$/.test(address)) {
      throw new InfrastructureError(
        `The guest's /proc/kallsyms hides addresses (kernel.kptr_restrict, or not root), so ${name} cannot be found.`,
      );
    }
    if (type?.toLowerCase() === 't') return BigInt(`0x${address}`);
  }
  const seen = stdout.trim() === '' ? `the module ${module} is not loaded` : `${module} has no such function`;
  throw new InfrastructureError(`The guest's /proc/kallsyms does not have ${name}: ${seen}.`);
}
