/** Client of QEMU's gdb stub: the remote protocol, registers, memory, breakpoints. */
export { connectGdb, type ConnectGdbOptions } from './connect.js';
export * from './errors.js';
export { type GdbClient, type GdbHooks } from './gdb-client.js';
export { type MemoryRead } from './memory-read.js';
export { type VcpuRegisters } from './registers.js';
export { type StopReply } from './stop-reply.js';
export { letRun } from './let-run.js';
