/** Machine code for L2, instruction by instruction: what a spec has its guest do. 64-bit mode unless it says otherwise. */

/** `mov [address], value` by way of RBX and RAX: a write of 8 bytes. */
export function writeQword(address: bigint, value: bigint): Buffer {
  return Buffer.concat([
    loadRbx(address),
    Buffer.from('48b8', 'hex'),
    qword(value),
    Buffer.from('488903', 'hex'),
  ]);
}

/** `mov rax, [address]` by way of RBX: a read of 8 bytes, into RAX. */
export function readQword(address: bigint): Buffer {
  return Buffer.concat([loadRbx(address), Buffer.from('488b03', 'hex')]);
}

/** `hlt`: L2 comes out, and goes on behind it when it is run again. */
export const halt = Buffer.from('f4', 'hex');

/** `sti`, and `jmp` to itself: L2 stays in. Bochs 2.7 does not let L1's interrupts through to a CPU whose L2 has them off. */
export const spin = Buffer.from('fbebfe', 'hex');

/** For RCX addresses of a list at RSI: `mov rbx, [rsi]; mov rax, [rbx]; add rsi, 8; dec rcx; jnz`, a read of each. */
export const readEachOfList = Buffer.from('488b1e488b034883c60848ffc975f1', 'hex');

/** Instructions in order. */
export function program(...instructions: readonly Buffer[]): Buffer {
  return Buffer.concat(instructions);
}

/** `mov rbx, value` */
function loadRbx(value: bigint): Buffer {
  return Buffer.concat([Buffer.from('48bb', 'hex'), qword(value)]);
}

function qword(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}
