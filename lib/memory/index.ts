/** Readers of a VM's physical memory: RAM file, process memory, gdb stub, monitor; and of its MMIO. */
export { MemoryAccessError } from './errors.js';
export { readMmio } from './mmio.js';
export {
  openPhysicalMemory,
  type OpenedMemory,
  type OpenMemoryOptions,
  READER_KINDS,
  type ReaderKind,
} from './open.js';
export { RamMap } from './ram-map.js';
