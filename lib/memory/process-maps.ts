/** A line of /proc/PID/maps (proc_pid_maps(5)): one mapping of a process. */
export interface ProcessMapping {
  readonly start: bigint;
  /** First address behind the mapping. */
  readonly end: bigint;
  readonly readable: boolean;
  /** `s`: what the process writes, the file has. Not so for `p`, which is copy on write. */
  readonly shared: boolean;
  /** Where in the file the mapping starts. */
  readonly offset: bigint;
  /** 0 for memory without a file. */
  readonly inode: bigint;
  readonly path: string;
}

const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-])[w-][x-]([sp]) ([0-9a-f]{1,16}) [0-9a-f]+:[0-9a-f]+ (\d{1,19}) *(.*)$/;

/** Parses /proc/PID/maps. Lines of another shape (the kernel has none) are left out. */
export function parseProcessMaps(text: string): ProcessMapping[] {
  return text.split('\n').flatMap((line) => {
    const [, start, end, readable, shared, offset, inode, path] = LINE.exec(line) ?? [];
    if (start === undefined || end === undefined || offset === undefined || inode === undefined) return [];
    return [
      {
        start: BigInt(`0x${start}`),
        end: BigInt(`0x${end}`),
        readable: readable === 'r',
        shared: shared === 's',
        offset: BigInt(`0x${offset}`),
        inode: BigInt(inode),
        // The kernel writes a line feed in a name as \012, and nothing else in any special way.
        path: (path ?? '').replaceAll('\\012', '\n'),
      },
    ];
  });
}

/**
 * The mappings that hold a range of a process's addresses, ascending: all of it, readable, without a gap.
 * @returns undefined if they do not
 */
export function mappingsOf(
  maps: readonly ProcessMapping[],
  start: bigint,
  length: bigint,
): ProcessMapping[] | undefined {
  const holding: ProcessMapping[] = [];
  let at = start;
  while (at < start + length) {
    const mapping = maps.find((candidate) => at >= candidate.start && at < candidate.end);
    if (mapping?.readable !== true) return undefined;
    holding.push(mapping);
    at = mapping.end;
  }
  return holding;
}
