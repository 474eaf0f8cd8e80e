import { cpuWithMarker } from '../../../lib/guest/process/parked.js';
import type { CpuRegisters, Monitor } from '../../../lib/monitor/index.js';

/**
 * Stops the VM at an instant at which a vCPU runs the parked thread, and leaves it stopped. An interrupt takes the vCPU away from
 * the thread now and then: the VM runs on until it does not.
 */
export async function stopInUserMode(
  monitor: Monitor,
  marker: bigint,
  deadlineMs = 60_000,
): Promise<CpuRegisters> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    await monitor.stop();
    const found = cpuWithMarker(await monitor.infoRegisters(), marker);
    if (found) return found;
    if (performance.now() > end) throw new Error('No vCPU was seen to run the parked thread.');
    await monitor.cont();
  }
}
