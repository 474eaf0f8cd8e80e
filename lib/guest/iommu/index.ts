/** A device's side of a mapping: the IOMMU's tables of the guest, read from outside. */
export { DeviceView, type DmaPage } from './device-view.js';
export { sourceOf } from './pci-address.js';
