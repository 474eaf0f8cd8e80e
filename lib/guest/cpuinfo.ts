import { InfrastructureError } from '../errors.js';
import type { ProcessorFeatures } from '../paging/index.js';
import type { CommandShell } from './command-shell.js';

/** What the guest's own processor has, by its kernel: for machines whose monitor does not tell, and for a guest's own guests. */
export async function guestCpuFeatures(guest: CommandShell): Promise<ProcessorFeatures> {
  return parseCpuinfo(await guest.succeed(['cat', '/proc/cpuinfo']));
}

/** MAXPHYADDR, for an EPT in the guest. @throws InfrastructureError its kernel does not tell */
export async function guestPhysicalWidth(guest: CommandShell): Promise<number> {
  const { maxPhysicalAddress } = await guestCpuFeatures(guest);
  if (maxPhysicalAddress !== 'unknown') return maxPhysicalAddress;
  throw new InfrastructureError(
    "The guest's /proc/cpuinfo does not tell its address sizes, without which its EPT cannot be read. Is /proc mounted?",
  );
}

/** What the text of /proc/cpuinfo says (Linux arch/x86/kernel/cpu/proc.c). What it does not is unknown. */
export function parseCpuinfo(text: string): ProcessorFeatures {
  const width = /^address sizes\s*: (\d+) bits physical/m.exec(text)?.[1];
  const flags = /^flags\s*: (.*)$/m.exec(text)?.[1]?.split(' ');
  return {
    maxPhysicalAddress: width === undefined ? 'unknown' : Number(width),
    gigabytePages: flags?.includes('pdpe1gb') ?? 'unknown',
  };
}
