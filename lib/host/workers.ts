/** What decides how many workers may each have a VM. */
export interface HostCapacity {
  /** CPUs that this process may use (`os.availableParallelism()`). */
  readonly cpus: number;
  /** Memory that can be had without swapping, in bytes (`process.availableMemory()` heeds cgroup limits, MemAvailable does not). */
  readonly availableBytes: number;
}

/** A worker's share: a guest of 1 GiB whose RAM is copied on write, QEMU's own and translated code, and the worker itself. */
const workerBytes = 1.5 * 2 ** 30;
/** For the host, Playwright and a second machine of a spec that needs one. */
const reserveBytes = 2 ** 30;

/**
 * How many workers this host can feed, at least one, and why, in one line. One for each CPU: a guest under TCG with two vCPUs is
 * busy with one of them most of the time, and waits between commands.
 */
export function workersFor({ cpus, availableBytes }: HostCapacity): {
  readonly workers: number;
  readonly reason: string;
} {
  const byMemory = Math.max(1, Math.floor((availableBytes - reserveBytes) / workerBytes));
  const workers = Math.max(1, Math.min(cpus, byMemory));
  const gibibytes = (availableBytes / 2 ** 30).toFixed(1);
  const limit = byMemory < cpus ? 'memory' : 'CPUs';
  return {
    workers,
    reason: `${workers} workers: ${cpus} CPUs, ${gibibytes} GiB available (${limit} decide)`,
  };
}
