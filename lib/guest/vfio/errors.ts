import { InfrastructureError } from '../../errors.js';

/** What vfio-map said of an operation that it could not do; see images/reference/tools/README.md. */
export interface VfioToolFailure {
  readonly kind: string;
  /** The symbolic name of the system's error, such as `ENOMEM`. */
  readonly errno?: string;
  readonly meaning?: string;
  /** What the tool did when it failed, with the numbers. */
  readonly tried: string;
}

/** The guest's VFIO tool refused an operation, or the guest's kernel did: no verdict about a mapping was reached. */
export class VfioError extends InfrastructureError {
  override readonly name = 'VfioError';
  readonly operation: string;
  readonly failure: VfioToolFailure;

  constructor(operation: string, failure: VfioToolFailure) {
    const errno = failure.errno === undefined ? '' : `: ${failure.errno} (${failure.meaning ?? 'unknown'})`;
    const remedy = remedyFor(failure);
    super(`vfio ${operation}: ${failure.tried}${errno}.${remedy ? ` ${remedy}` : ''}`);
    this.operation = operation;
    this.failure = failure;
  }
}

/** What a person does next, for the failures that have a usual cause. */
function remedyFor({ kind, errno, tried }: VfioToolFailure): string | undefined {
  if (kind in remedies) return remedies[kind];
  if (errno === 'ENOMEM' && tried.includes('VFIO_IOMMU_MAP_DMA')) {
    return 'The range is larger than RLIMIT_MEMLOCK allows (the limit holds where CAP_IPC_LOCK is missing) or than the guest has RAM: raise the limit, or give the machine more memory.';
  }
  if (errno === 'EEXIST' && tried.includes('VFIO_IOMMU_MAP_DMA')) {
    return 'Part of this iova range is mapped already: unmap it first, or choose another iova.';
  }
  return undefined;
}

const remedies: Readonly<Record<string, string>> = {
  noDevice: "Name a PCI device that 'lspci -D' lists in the guest, as DDDD:BB:SS.F.",
  notBound:
    'Bind it: echo vfio-pci > /sys/bus/pci/devices/BDF/driver_override, unbind its driver, then echo BDF > /sys/bus/pci/drivers_probe.',
  notViable:
    "Another device of its IOMMU group has a driver of the host's: bind all of the group to vfio-pci.",
  noIommu:
    'The guest has no IOMMU for it: give the machine a vIOMMU (-device intel-iommu; GPU=1 for open-tdx) and boot with intel_iommu=on.',
};
