import { openDebugger } from './changes/debugger.js';
import { addKernelArguments } from './changes/kernel-arguments.js';
import { enlargeKernelLog } from './changes/kernel-log.js';
import { listenOnLoopback } from './changes/loopback.js';
import { openMonitor } from './changes/monitor.js';
import { addPassThrough } from './changes/pass-through.js';
import { useTcg } from './changes/tcg.js';
import { isOnLoopback, listenersOf, settledBy, withConfigs, withSets } from '../qemu-command-line/index.js';
import { type Change, Draft } from './draft.js';

/** What is to be different from what the launch script asks of QEMU. All that is left out stays as it is. */
export interface WrapperWishes {
  /** KVM is to be TCG, and the reason: KVM was not seen to run a guest here. */
  readonly tcgBecause?: string;
  /** L1 is to have a vIOMMU and this device to pass on; as for -device, with an address that the script leaves free. */
  readonly passThrough?: string;
  /** To be on the kernel command line, a word each. */
  readonly kernelArguments?: readonly string[];
  /** The kernel's log is to hold what the driver says of a large mapping. */
  readonly wholeKernelLog?: boolean;
  /** A gdb stub is to be open on this port, and the VM is not to wait for a debugger. */
  readonly gdbPort?: number;
  /** A monitor is to be open on this port. */
  readonly monitorPort?: number;
  /** Nothing is to listen beyond 127.0.0.1. */
  readonly loopbackOnly?: boolean;
}

/** A command line that was changed, without the program's name. */
export interface Rewritten {
  readonly words: readonly string[];
  /** In the order in which they were made; a later one may change what an earlier one added. */
  readonly changes: readonly Change[];
}

/**
 * A device that can be passed through, in a slot that open-tdx's script leaves free. No network card: it would be one more `eth` for L1's
 * set-up, and no driver of Linux takes it before vfio-pci does.
 */
export const spareDevice = 'edu,addr=10.0';

/**
 * The QEMU command line that a launch script made, changed as wished for. Options that no wish is about stay as they are, in their order.
 *
 * @param readConfig the text of a file of -readconfig; undefined when it cannot be read, which is QEMU's to say
 * @throws InfrastructureError for kernel arguments where QEMU does not load the kernel
 */
export function rewriteCommandLine(
  given: readonly string[],
  wishes: WrapperWishes,
  readConfig: (file: string) => string | undefined = () => undefined,
): Rewritten {
  const draft = new Draft(given);
  if (wishes.loopbackOnly === true) {
    for (const config of draft.all('readconfig')) {
      const inside = withConfigs([config], readConfig);
      // A file cannot be changed for one launch: its options take its place.
      if (inside.includes(config) || listenersOf(inside).every(isOnLoopback)) continue;
      draft.replace(config, inside, 'listens on this host only, which its file cannot be told');
    }
    if (!listenersOf(withSets(draft.options)).every(isOnLoopback)) foldSets(draft);
  }
  if (wishes.tcgBecause !== undefined) useTcg(draft, wishes.tcgBecause);
  if (wishes.passThrough !== undefined) addPassThrough(draft, wishes.passThrough);
  if (wishes.kernelArguments) addKernelArguments(draft, wishes.kernelArguments, 'as the spec asks');
  if (wishes.wholeKernelLog === true) enlargeKernelLog(draft);
  if (wishes.gdbPort !== undefined) openDebugger(draft, wishes.gdbPort);
  if (wishes.monitorPort !== undefined) openMonitor(draft, wishes.monitorPort);
  if (wishes.loopbackOnly === true) listenOnLoopback(draft);
  return { words: draft.words, changes: draft.changes };
}

/** What -set says of an option is written into it: afterwards it would be said of an option that was changed. */
function foldSets(draft: Draft): void {
  for (const set of draft.all('set')) {
    const found = settledBy(set, draft.options);
    if (!found) continue;
    draft.replace(found.target, found.settled, `written as ${set.value ?? ''} has it`);
    draft.replace(set, undefined, `listens on this host only, which -set could change`);
  }
}
