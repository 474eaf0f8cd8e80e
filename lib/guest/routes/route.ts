import type { GuestShell } from '../ssh/index.js';
import type { BufferKind, GuestBuffer } from '../vfio/options.js';
import type { VfioProcess } from '../vfio/process.js';

/** The memory that a route leads to, before it is mapped for DMA. */
export interface Ground {
  readonly guest: GuestShell;
  readonly process: VfioProcess;
  readonly buffer: GuestBuffer;
  /** What the first 8 bytes of its first page hold. */
  readonly secret: bigint;
}

/** The same when it is mapped. */
export interface Scene extends Ground {
  /** Physical address of the first page, which the device reaches. */
  readonly frame: bigint;
  /** What a writing route writes to the first 8 bytes. */
  readonly written: bigint;
  /** What `prepare` returned: a child, another address of the memory. */
  readonly prepared: bigint;
}

/** What came of trying. */
export type Attempt =
  | {
      readonly outcome: 'done';
      /** What was read; undefined for a write or an execution. */
      readonly value?: bigint;
    }
  | {
      readonly outcome: 'refused';
      /** Such as `SIGSEGV, error code 0x5` or `EFAULT`. */
      readonly why: string;
    };

/** One way by which a program of user mode may reach a page that is mapped for DMA. */
export interface Route {
  /** Names it in data; never changed. */
  readonly name: string;
  /** What a program does, for people. */
  readonly title: string;
  /** What the page is made of. Default: anonymous. */
  readonly memory?: BufferKind;
  /** Protection of the memory, as `alloc` takes it. Default: `rw`. */
  readonly protection?: string;
  readonly access: 'read' | 'write' | 'execute';
  /** What has to be there before the mapping is made. */
  readonly prepare?: (ground: Ground) => Promise<bigint>;
  readonly attempt: (scene: Scene) => Promise<Attempt>;
}
