import { printable } from '../text/index.js';

/** A guest's kernel log for people, with what its times mean on the host's clock. */
export interface KernelLogText {
  readonly text: string;
  /** ms since 1970 at which the guest's kernel began to count, as of the moment of reading; undefined when the guest did not say. */
  readonly epoch: number | undefined;
}

/** How much of the log is kept, in bytes. */
export const kernelLogBytes = 1 << 20;

/** A POSIX sh command whose output `kernelLogText` takes. */
export const readKernelLog = `{ cut -d ' ' -f 1 /proc/uptime; dmesg | tail -c ${kernelLogBytes}; }`;

/** @param output of `readKernelLog`, just now */
export function kernelLogText(output: string): KernelLogText {
  const [uptime = '', ...lines] = printable(output).split('\n');
  const seconds = Number(uptime);
  return { text: lines.join('\n'), epoch: seconds > 0 ? Date.now() - seconds * 1000 : undefined };
}
