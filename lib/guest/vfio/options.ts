import {
  also,
  flag,
  oneOf,
  optional,
  type Rule,
  type Rules,
  shape,
  text,
  that,
  whole,
  word,
} from '../../validate/index.js';
import type { AccessKind } from './access.js';

const bufferKinds = ['anonymous', 'shared', 'memfd', 'file', 'filePrivate', 'hugetlb', 'thp'] as const;

/** What memory a buffer is made of. */
export type BufferKind = (typeof bufferKinds)[number];

export interface BufferOptions {
  /** Number of 4 KiB pages, from 1. */
  readonly pages: number;
  /** Default: `anonymous`, with huge pages advised against, so that each page has a PTE of its own. */
  readonly kind?: BufferKind;
  /** Fault every page in at once. Default: true, so that there are entries to compare with before a mapping is made. */
  readonly populate?: boolean;
  /** Some of the letters `r`, `w`, `x`; empty for no access. Default: `rw`. */
  readonly protection?: string;
  /** Where a file lies; on tmpfs, several processes share its memory. */
  readonly path?: string;
}

/** A range of a guest process's memory. */
export interface GuestBuffer {
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** The tool's descriptor of a memfd. */
  readonly fd?: number;
}

export interface DmaMapOptions extends BufferOptions {
  /** Map this buffer, or part of one, in place of a new one; it has so many pages, and is what it is already. */
  readonly buffer?: GuestBuffer;
  /** Device address, a multiple of 4096 above 0. Default: the next free one from 1 MiB on. */
  readonly iova?: bigint;
  /** What the device may do. Default: both. */
  readonly read?: boolean;
  readonly write?: boolean;
  /** A second thread of the process makes the mapping. Default: its main thread. */
  readonly thread?: boolean;
}

export interface TouchOptions {
  /** Default: `read`. */
  readonly access?: AccessKind;
  /** From a thread pinned to this vCPU; the tool's own thread when left out. */
  readonly cpu?: number;
  /** How long, in milliseconds, an access that neither completes nor gets a signal is left to fault. Default: 2 s, and 0.3 s for a write. */
  readonly timeoutMs?: number;
  /** What a write writes. */
  readonly value?: bigint;
}

/** The user half of a 4-level address space has so many pages. */
const mostPages = 2 ** 35;

/** The rules for the options of a buffer, one by one. */
export const bufferParts: Rules<BufferOptions> = {
  pages: whole(1, mostPages, 'pages'),
  kind: optional(oneOf(bufferKinds)),
  populate: optional(flag),
  protection: optional(text(/^(?!.*(.).*\1)[rwx]*$/, "some of the letters r, w and x, such as 'rw'")),
  path: optional(text(/^\//, 'an absolute path')),
};

export const bufferOptions: Rule<BufferOptions> = withPathOfFile(shape(bufferParts));

/** Of anything that has an address and a size: a mapping does. */
export const guestBuffer: Rule<GuestBuffer> = that(
  'a range of memory: { address, size }, bigints, in bytes',
  (value) => {
    if (typeof value !== 'object' || value === null || !('address' in value) || !('size' in value))
      return false;
    const { address, size } = value;
    if (typeof address !== 'bigint' || typeof size !== 'bigint') return false;
    return address >= 0n && size > 0n && address + size <= 1n << 64n;
  },
);

export const dmaMapOptions: Rule<DmaMapOptions> = also(
  also(
    also(
      withPathOfFile(
        shape<DmaMapOptions>({
          ...bufferParts,
          buffer: optional(guestBuffer),
          iova: optional(also(word(4096n), (iova) => iova % 4096n === 0n, 'must be a multiple of 4096')),
          read: optional(flag),
          write: optional(flag),
          thread: optional(flag),
        }),
      ),
      ({ buffer, kind, populate, protection, path }) =>
        buffer === undefined || [kind, populate, protection, path].every((option) => option === undefined),
      'name a buffer and say what a new one is to be like (kind, populate, protection or path): one of the two',
    ),
    ({ buffer, pages }) => buffer === undefined || buffer.size === BigInt(pages) * 4096n,
    'name a buffer and a number of pages that is not its size',
  ),
  ({ read, write }) => read !== false || write !== false,
  'let the device neither read nor write',
);

export const touchOptions: Rule<TouchOptions> = valueOfWrite(
  shape<TouchOptions>({
    access: optional(oneOf(['read', 'write', 'execute'])),
    cpu: optional(whole(0)),
    timeoutMs: optional(whole(1)),
    value: optional(word()),
  }),
);

/** Those that a touch before and after a mapping takes. */
export type TryOptions = Pick<TouchOptions, 'access' | 'timeoutMs'>;
export const tryOptions: Rule<TryOptions> = shape<TryOptions>({
  access: optional(oneOf(['read', 'write', 'execute'])),
  timeoutMs: optional(whole(1)),
});

export function valueOfWrite<T extends Pick<TouchOptions, 'access' | 'value'>>(rule: Rule<T>): Rule<T> {
  return also(
    rule,
    ({ access, value }) => value === undefined || access === 'write',
    "have a value, which only an access: 'write' takes",
  );
}

function withPathOfFile<T extends BufferOptions>(rule: Rule<T>): Rule<T> {
  return also(
    rule,
    ({ kind, path }) => (path !== undefined) === (kind === 'file' || kind === 'filePrivate'),
    "must have a path with kind: 'file' or 'filePrivate', and only then",
  );
}
