/**
 * Caps on what an untrusted guest can make the harness hold.
 *
 * A raw /dev/kmsg record is at most CONSOLE_EXT_LOG_MAX = 8192 bytes (Linux 6.1, `include/linux/printk.h`), so no honest line
 * meets the cap of a line. The cap in all leaves room for the 131,072 lines (about 14 Mi characters) of a 256 MiB mapping
 * several times over.
 */
export interface KernelLogLimits {
  /** Characters of one raw line; the rest of a longer line is dropped and the entry marked `truncated`. */
  readonly lineLength: number;
  /** Entries held; the oldest go first. */
  readonly entries: number;
  /** Characters of text held in all; the oldest entries go first. */
  readonly characters: number;
}

export const DEFAULT_LIMITS: KernelLogLimits = {
  lineLength: 8192,
  entries: 1_000_000,
  characters: 96 * 1024 * 1024,
};

/** Dictionary lines kept for one record; the kernel of 6.1 writes two. */
export const MAX_PROPERTIES = 8;
