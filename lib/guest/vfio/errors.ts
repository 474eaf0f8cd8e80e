import { ToolError, type ToolFailure } from '../tool/index.js';

/** The guest's VFIO tool refused an operation, or the guest's kernel did: no verdict about a mapping was reached. */
export class VfioError extends ToolError {
  override readonly name = 'VfioError';

  constructor(operation: string, failure: ToolFailure) {
    super('vfio', operation, failure, remedyFor(failure));
  }
}

/** What a person does next, for the failures that have a usual cause. */
function remedyFor({ kind, errno, tried }: ToolFailure): string | undefined {
  if (kind in remedies) return remedies[kind];
  if (errno === 'ENOMEM' && tried.includes('VFIO_IOMMU_MAP_DMA')) {
    return 'The range is larger than RLIMIT_MEMLOCK allows (the limit holds where CAP_IPC_LOCK is missing) or than the guest has RAM: raise the limit, or give the machine more memory.';
  }
  if (errno === 'ENOMEM' && tried.startsWith('populate ')) {
    return 'The guest has not that much memory free: map less, or give the machine more (machineOptions.memory; -m of the launch script).';
  }
  if (errno === 'ENOMEM' && tried.startsWith('mmap of ') && tried.includes('hugetlb')) {
    return "The guest's pool has not so many free pages of that size (HugePages_Free of /proc/meminfo): reserve them in the guest, sysctl -w vm.nr_hugepages=N for 2 MiB ones, before memory is fragmented.";
  }
  if (errno === 'ENOMEM' && tried.startsWith('mmap of ')) {
    return "The guest's kernel refuses to promise more memory than it has: map less, or give the machine more (machineOptions.memory; -m of the launch script).";
  }
  if (errno === 'EEXIST' && tried.includes('VFIO_IOMMU_MAP_DMA')) {
    return 'Part of this iova range is mapped already: unmap it first, or choose another iova.';
  }
  if (errno === 'EINVAL' && tried.includes('VFIO_IOMMU_MAP_DMA')) {
    return "Address, iova and size must be multiples of 4096, and the iova within the ranges that 'open' lists (the MSI window at 0xfee00000 is in none).";
  }
  if (errno === 'EFAULT' && tried.includes('VFIO_IOMMU_MAP_DMA')) {
    return 'Part of the range is not mapped in the process, or may not be written: allocate it first, or map it without write access.';
  }
  if (errno === 'EINVAL' && tried.includes('VFIO_IOMMU_UNMAP_DMA')) {
    return 'A mapping is undone as a whole (type1v2 does not split one): name the range that was mapped.';
  }
  return undefined;
}

const remedies: Readonly<Record<string, string>> = {
  malformed: 'Counts are whole numbers, and numbers above 2^53 bigints.',
  noSuchDevice: 'Name a PCI device that the guest has (ls /sys/bus/pci/devices), as DDDD:BB:SS.F.',
  notBound:
    'Bind it: echo vfio-pci > /sys/bus/pci/devices/BDF/driver_override, unbind its driver (echo BDF > …/driver/unbind), then echo BDF > /sys/bus/pci/drivers_probe.',
  groupNotViable:
    'Devices of one IOMMU group go together: bind all of them to vfio-pci, or unbind the others from their drivers.',
  groupBusy:
    'Another process has the group open, and the kernel gives it to one at a time: end that one first.',
  noIommu:
    "The guest has no IOMMU for it. Give the machine one (GPU=1 in the environment of open-tdx's launch script; the reference launcher always has one) and switch it on in the guest's kernel: intel_iommu=on, and no intel_iommu=off behind it (E2E_APPEND, machineOptions.kernelArguments).",
  permission:
    'VFIO is for root, or for the owner of /dev/vfio/GROUP: connect to the guest as root, or chown the file.',
  noVfio:
    'VFIO is not loaded in the guest: modprobe vfio-pci, or build the kernel with CONFIG_VFIO and CONFIG_VFIO_PCI.',
  noType1:
    "VFIO's type1 driver, the one that clears _PAGE_USER, is not loaded in the guest: modprobe vfio_iommu_type1.",
};
