import { GdbProtocolError } from './errors.js';
import type { RegisterSlot } from './target-description.js';

/** The registers of one vCPU, by the stub's names: `rax`, `rip`, `eflags`, `cs`, `fs_base`, `cr3`, `efer`, … */
export class VcpuRegisters {
  readonly cpu: number;
  readonly #values: ReadonlyMap<string, bigint>;

  constructor(cpu: number, values: ReadonlyMap<string, bigint>) {
    this.cpu = cpu;
    this.#values = values;
  }

  /** All names, in the order of the stub's description. */
  get names(): string[] {
    return [...this.#values.keys()];
  }

  /** A register's value. @throws GdbProtocolError the stub has no register of that name */
  get(name: string): bigint {
    const value = this.#values.get(name);
    if (value === undefined) {
      throw new GdbProtocolError(
        `The gdb stub shows no register "${name}". It has: ${this.names.slice(0, 40).join(', ')}.`,
      );
    }
    return value;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
}

/** Decodes a `g` packet's bytes (little-endian). Registers behind its end are left out: the stub shows them by `p` only. */
export function decodeRegisters(
  cpu: number,
  bytes: Uint8Array,
  layout: readonly RegisterSlot[],
): VcpuRegisters {
  const values = new Map<string, bigint>();
  for (const { name, offset, bytes: size } of layout) {
    if (offset + size > bytes.length) break;
    let value = 0n;
    for (let index = offset + size - 1; index >= offset; index -= 1)
      value = (value << 8n) | BigInt(bytes[index] ?? 0);
    values.set(name, value);
  }
  return new VcpuRegisters(cpu, values);
}
