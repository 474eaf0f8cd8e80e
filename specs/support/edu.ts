import { VfioProcess } from '../../lib/guest/vfio/process.js';
import { address, check, instance, optional, shape, whole } from '../../lib/validate/index.js';

/** A transfer by QEMU's edu device (docs/specs/edu.rst) between guest memory and its own buffer of 4 KiB. */
export interface EduTransfer {
  /** Device address of the first byte in guest memory. */
  readonly iova: bigint;
  /** Bytes, at most 4094: QEMU 7.2 aborts at a transfer that ends with the buffer's last byte (hw/misc/edu.c). Default: 8. */
  readonly size?: number;
  /** Where in the device's buffer. Default: 0. */
  readonly offset?: number;
}

export const eduTransfer = shape<EduTransfer>({
  iova: address,
  size: optional(whole(1, 4094, 'bytes')),
  offset: optional(whole(0, 4094)),
});

/** How long the guest's own clock may run: a transfer takes 100 ms of it. */
const timeoutMs = 30_000;

/**
 * QEMU's edu device, opened by a process through VFIO: a DMA engine that does what it is told. It reports no errors: an access that
 * the IOMMU refuses reads zeros or writes nothing, and the guest's kernel logs a DMAR fault.
 */
export class EduDevice {
  readonly #process: VfioProcess;

  /** @param process one whose device is edu; the first transfer fails with `notEdu` otherwise */
  constructor(process: VfioProcess) {
    this.#process = check(
      'EduDevice',
      'process',
      instance(VfioProcess, 'a process (await vfio.process())'),
      process,
    );
  }

  /** The device reads guest memory into its buffer. Returns when it is done. */
  async readMemory(transfer: EduTransfer): Promise<void> {
    await this.#transfer('toDevice', transfer);
  }

  /** The device writes its buffer to guest memory. Returns when it is done. */
  async writeMemory(transfer: EduTransfer): Promise<void> {
    await this.#transfer('fromDevice', transfer);
  }

  async #transfer(direction: string, transfer: EduTransfer): Promise<void> {
    const { iova, size, offset } = check(direction, 'transfer', eduTransfer, transfer);
    await this.#process.request('eduDma', { direction, iova, size, offset, timeoutMs });
  }
}
