/** Client of QEMU's human monitor (HMP): framing, pipelining, typed commands and parsers. */
export { quoteArgument } from './command-line.js';
export { connectMonitor, type ConnectMonitorOptions } from './connect.js';
export type { MonitorEndpoint } from './endpoint.js';
export * from './errors.js';
export type { CommandOptions } from './hmp-client.js';
export { Monitor, type MonitorPeer } from './monitor.js';
export type { HostAddress } from './parse/address.js';
export type { MappedRange, Mappings, TlbEntry } from './parse/mappings.js';
export { dumpCommand, type MemoryRequest, type MemoryUnit, parseMemoryDump } from './parse/memory-dump.js';
export type { FlatView, MemoryTreeRange } from './parse/memory-tree.js';
export {
  type CpuRegisters,
  type GeneralRegister,
  parseRegisters,
  type Segment,
  type SegmentRegister,
} from './parse/registers.js';
export type { CpuThread, VmStatus } from './parse/status.js';
export { tcpSockets } from './tcp-table.js';
export { Transcript, type TranscriptEntry } from './transcript.js';
