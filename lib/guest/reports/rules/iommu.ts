import type { ReportRule } from '../rule.js';

/** The tables behind a fault, where the kernel has CONFIG_DMAR_DEBUG (`dmar_fault_dump_ptes`). */
const DMAR_TABLES = /^DMAR: (?:Dump |root entry|context |scalable |pasid |pte level|page table |\w+ table)/;

/** Device accesses that an IOMMU refused, and requests of the kernel's that it did not carry out. */
export const IOMMU_RULES: readonly ReportRule[] = [
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/intel/dmar.c` (`dmar_fault_do_one`), 6.1',
    example:
      'DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr 0x4000 [fault reason 0x05] PTE Write access is not set',
    healthy: 'DMAR: Intel(R) Virtualization Technology for Directed I/O',
    live: '`specs/vfio/device`: the `edu` device is told to write where nothing is mapped',
    opens:
      /^DMAR: ?\[((?:DMA (?:Read|Write)|INTR-REMAP).{0,40}?)\] (?:Request device \[?([0-9a-f:.]{4,13})\]?)(.{0,160})/,
    headline: (match) => `DMAR fault: ${match[1] ?? ''} by device ${match[2] ?? ''}${match[3] ?? ''}`,
    tail: DMAR_TABLES,
    tailGap: 2,
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/intel/dmar.c` (`qi_dump_fault`), 6.1',
    example: 'DMAR: VT-d detected Invalidation Queue Error: Reason 5',
    healthy: 'DMAR: dmar0: Using Queued invalidation',
    opens: /^DMAR: (?:VT-d detected )?(Invalidation (?:Queue|Time-out|Completion) Error.{0,40})/,
    adds: /^DMAR: QI HEAD: (.{1,40}?) qw0/,
    tail: /^DMAR: (?:QI |Invalidation .{1,30} cleared)/,
    tailGap: 4,
    // Two of them at once share one dump.
    absorbs: ['dmar-fault'],
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/intel/svm.c`, `iommu.c`, 6.1; `prq.c`, 7.3',
    example: 'DMAR: IOMMU: dmar0: Page request without PASID: 00000000deadbeef 0000000000000a11',
    healthy: 'DMAR: IOMMU feature sc_support inconsistent',
    opens:
      /^(?:DMAR: )?((?:IOMMU: )?\S{1,40}: (?:Invalid page request|Page request (?:without|in)|Address is not canonical|Execution request not supported|PRQ overflow detected|Unexpected \S{1,20} invalidation type).{0,80}|(?<=DMAR: )(?:ERROR: DMA PTE for vPFN .{1,100}|Flush IOTLB failed|(?:Domain i|I)nitialization failed|(?:\S+: )?(?:iommu width \(\d+\) is not sufficient|No free domain ids).{0,80}|Invalidate non-aligned address.{0,60}))/,
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/iommu.c` (`__iommu_map`, `__iommu_unmap`), 6.1',
    example: 'iommu: unaligned: iova 0x1001 pa 0x000000000dead000 size 0x1000 min_pagesz 0x1000',
    healthy: 'iommu: Default domain type: Translated',
    opens: /^iommu: (unaligned: iova .{1,100})/,
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/amd/iommu.c`, 6.1 and 7.3',
    example:
      'vfio-pci 0000:00:05.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0012 address=0x4000 flags=0x0020]',
    healthy: 'AMD-Vi: Interrupt remapping enabled',
    opens: /^(?:\S+ \S+: )?(?:AMD-Vi: ){1,2}(Event logged \[.{1,200})/,
    headline: (match) => `IOMMU fault: ${match[1] ?? ''}`,
    tail: /^(?:\S+ \S+: )?AMD-Vi: (?:DTE|CMD)\[|^AMD-Vi: {3}device=/,
    tailGap: 2,
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/amd/iommu.c`, 6.1 and 7.3',
    example: 'AMD-Vi: Completion-Wait loop timed out',
    healthy: 'AMD-Vi: Virtual APIC enabled',
    opens:
      /^(?:\S+ \S+: )?(?:AMD-Vi: ){1,2}((?:IOMMU \S{1,20}: )?(?:Completion-Wait loop timed out|Command buffer timeout|No event written to event log|IOMMU\d*:? (?:Failed to initialize IOMMU Hardware|pte changed since we read it)|Unknown PPR request received|GA log notifier failed).{0,40})/,
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/virtio-iommu.c` (`viommu_fault_handler`), 6.1',
    example: 'virtio_iommu virtio1: page fault from EP 40 at 0x4000 [W]',
    healthy: 'virtio_iommu virtio1: page mask: 0xfffffffffffff000',
    opens: /^(virtio_iommu \S{1,40}: (?:\w{1,20} fault from EP .{1,80}|invalid event buffer.{0,60}))/,
  },
];
