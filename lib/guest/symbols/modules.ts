/** A module in the running kernel. */
export interface LoadedModule {
  readonly name: string;
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/** Parses `/proc/modules` as root reads it; modules whose address the kernel hides are left out. */
export function parseModules(text: string): LoadedModule[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\S+) (\d+) .* 0x([0-9a-f]+)(?: \(\S*\))?$/.exec(line.trimEnd());
    if (!match?.[1] || !match[2] || !match[3]) return [];
    const address = BigInt(`0x${match[3]}`);
    return address === 0n ? [] : [{ name: match[1], address, size: BigInt(match[2]) }];
  });
}

/** `[vfio_iommu_type1]+0x1234`; undefined when no module holds the address. */
export function moduleAt(modules: readonly LoadedModule[], address: bigint): string | undefined {
  const found = modules.find((each) => address >= each.address && address < each.address + each.size);
  return found && `[${found.name}]+0x${(address - found.address).toString(16)}`;
}
