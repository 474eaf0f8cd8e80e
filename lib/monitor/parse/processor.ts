/** What a vCPU's CPUID says, as far as the monitor tells; the names are those of the paging library. */
export interface CpuFeatures {
  /** MAXPHYADDR: bits of a physical address, 32 to 52. */
  readonly maxPhysicalAddress: number | 'unknown';
  /** 1 GiB pages. */
  readonly gigabytePages: boolean | 'unknown';
}

/** Where QEMU's x86 machines usually have vCPU 0 in their tree of objects. */
export const usualCpuPath = '/machine/unattached/device[0]';

/** The commands whose replies `parseFeatures` takes (HMP has `qom-get` from QEMU 5.1 on). */
export function featureCommands(cpuPath: string): string[] {
  return [`qom-get ${cpuPath} phys-bits`, `qom-get ${cpuPath} pdpe1gb`];
}

/** What is no number or truth value is an error message, and unknown. */
export function parseFeatures([width = '', gigabyte = '']: readonly string[]): CpuFeatures {
  const bits = /^\d{2}$/.test(width.trim()) ? Number(width) : 0;
  const flag = gigabyte.trim();
  return {
    maxPhysicalAddress: bits >= 32 && bits <= 52 ? bits : 'unknown',
    gigabytePages: flag === 'true' ? true : flag === 'false' ? false : 'unknown',
  };
}

/** The path of the first x86 vCPU in `info qom-tree`: two blanks a level, `/device[0] (max-x86_64-cpu)`. */
export function cpuPathIn(tree: string): string | undefined {
  const path: string[] = [];
  for (const line of tree.split('\n')) {
    const [, indent, name, type] = /^( *)(\/.*) \(([^()]*)\)\s*$/.exec(line) ?? [];
    if (indent === undefined || name === undefined || type === undefined) continue;
    path.splice(indent.length / 2, path.length, name);
    if (/-(?:x86_64|i386)-cpu$/.test(type)) return path.join('');
  }
  return undefined;
}
