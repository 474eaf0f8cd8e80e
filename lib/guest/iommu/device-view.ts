import type { Machine } from '../../machine/machine.js';
import { address, check, that } from '../../validate/index.js';
import { readMmio } from '../../memory/index.js';
import {
  type IommuWalk,
  type PageRun,
  type PhysicalMemory,
  secondLevelSpace,
  type SecondLevelEntry,
  walkIommu,
  walkRange,
  type AddressSpace,
  type X86Entry,
} from '../../paging/index.js';
import { sourceOf } from './pci-address.js';

/**
 * CAP_REG and RTADDR_REG of QEMU's intel-iommu (VT-d specification, 11.4.2 and 11.4.5), whose base is 0xfed90000
 * (include/hw/i386/intel_iommu.h).
 */
const registers = { capability: 0xfed9_0008n, rootTable: 0xfed9_0020n };

/** A page of a DMA mapping, seen from both sides at one instant. */
export interface DmaPage {
  readonly iova: bigint;
  /** The device's way there. */
  readonly device: IommuWalk;
  /** What the process's own entry names; undefined where its address has no page. */
  readonly processFrame: bigint | undefined;
  readonly processUser: boolean | undefined;
}

/** What is compared: a process's memory and the addresses by which a device reaches it. */
export interface DmaRange {
  readonly space: AddressSpace<X86Entry>;
  /** Virtual address of the first page. */
  readonly address: bigint;
  readonly iova: bigint;
  /** Number of 4 KiB pages. */
  readonly pages: number;
}

const dmaRange = that<DmaRange>(
  'a mapping that was made, or its space, address (bigint), iova (bigint) and pages (from 1)',
  (value) => {
    const { space, address, iova, pages } = (value ?? {}) as Partial<DmaRange>;
    const addresses = typeof address === 'bigint' && typeof iova === 'bigint' && address >= 0n && iova >= 0n;
    return typeof space === 'object' && addresses && Number.isSafeInteger(pages) && Number(pages) >= 1;
  },
);

/** A device's view of guest memory: the IOMMU's tables, walked from outside. */
export class DeviceView {
  readonly #machine: Machine;
  readonly #memory: PhysicalMemory;
  readonly #device: string;

  /** @param device PCI address in the guest, `DDDD:BB:SS.F` */
  constructor(machine: Machine, memory: PhysicalMemory, device: string) {
    this.#machine = machine;
    this.#memory = memory;
    this.#device = device;
  }

  /** Where the device's access to an iova goes. What stands in its way is a `fault` in the result. */
  async walk(iova: bigint): Promise<IommuWalk> {
    check('walk', 'iova', address, iova);
    return await this.#machine.paused(async () => walkIommu(this.#memory, await this.#options(), iova));
  }

  /** The second-level tables that the device's requests go through; the reason in words where it has none. */
  tables(iova: bigint): Promise<AddressSpace<SecondLevelEntry> | string> {
    return this.#machine.paused(async () => {
      const options = await this.#options();
      const { context, fault } = await walkIommu(this.#memory, options, iova);
      const { levels, table, translationType } = context?.entry ?? {};
      if (levels === undefined || table === undefined || translationType === 'pass-through')
        return fault?.message ?? 'it has no second-level tables';
      return secondLevelSpace({ ...options, table, levels });
    });
  }

  /** Every page of a mapping from both sides, while the VM stands still. */
  async pages(range: DmaRange): Promise<DmaPage[]> {
    const { space, address, iova, pages } = check('pages', 'range', dmaRange, range);
    return await this.#machine.paused(async () => {
      const options = await this.#options();
      const process: PageRun<X86Entry> = await walkRange(this.#memory, space, address, pages);
      const seen: DmaPage[] = [];
      for (const [index, page] of [...process].entries()) {
        const at = iova + BigInt(index) * 4096n;
        seen.push({
          iova: at,
          device: await walkIommu(this.#memory, options, at),
          processFrame: page.physicalAddress,
          processUser: page.leafRights?.user,
        });
      }
      return seen;
    });
  }

  async #options() {
    const { monitor } = this.#machine;
    const [rtaddr = 0n] = await readMmio(monitor, registers.rootTable, 'g');
    const [capability = 0n] = await readMmio(monitor, registers.capability, 'g');
    // MGAW, bits 21:16, one less than the number of bits. QEMU's host address width is the same (`aw_bits` in hw/i386/intel_iommu.c and
    // in the DMAR table, acpi-build.c): in an entry, the bits above are reserved.
    const maxPhysicalAddress = Math.min(Number((capability >> 16n) & 0x3fn) + 1, 52);
    return { rtaddr, source: sourceOf(this.#device), maxPhysicalAddress };
  }
}
