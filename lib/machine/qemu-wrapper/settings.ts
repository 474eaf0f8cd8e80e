import type { WrapperWishes } from './rewrite.js';

/** What an installed wrapper is told. */
export interface WrapperSettings {
  /** Absolute path of the QEMU that is to run. */
  readonly qemu: string;
  readonly wishes: WrapperWishes;
  /** File for the report. */
  readonly report: string;
}
