import type { CpuRegisters, Monitor } from '../../../lib/monitor/index.js';
import { addressSpaceOf } from '../../../lib/guest/process/parked.js';
import { type PhysicalMemory, type Scan, scan, type X86Entry } from '../../../lib/paging/index.js';
import { expect } from '../../../fixtures/index.js';
import { differencesFromTlb } from './compare-tlb.js';
import { gva2gpaOf, sampleAddresses, translate } from './translations.js';

/** `info tlb` of a Linux guest is 3 MB of text. */
const longReplyMs = 120_000;

/**
 * Scans the address space that a vCPU of a stopped VM uses, and holds it against both of QEMU's own views of the same tables.
 *
 * @returns the scan, for what else a spec wants to know of it
 */
export async function expectScanToAgreeWithQemu(
  monitor: Monitor,
  memory: PhysicalMemory,
  vcpu: CpuRegisters,
): Promise<Scan<X86Entry>> {
  await monitor.selectCpu(vcpu.cpu);
  const tlb = await monitor.infoTlb({ timeoutMs: longReplyMs });
  const scanned = await scan(memory, addressSpaceOf(vcpu));
  expect(scanned.complete).toBe(true);
  expect(scanned.problems).toEqual([]);
  expect(scanned.length).toBeGreaterThan(500);
  expect(differencesFromTlb(scanned, tlb.entries)).toEqual([]);

  const addresses = sampleAddresses(scanned, 2_000);
  const answers = await gva2gpaOf(monitor, addresses);
  const differing = addresses.filter((address, index) => answers[index] !== translate(scanned, address));
  expect(differing.map((address) => `0x${address.toString(16)}`)).toEqual([]);
  expect(answers.some((answer) => answer === undefined)).toBe(true);
  return scanned;
}
