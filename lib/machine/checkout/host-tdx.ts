import { readFile } from 'node:fs/promises';

const parameter = '/sys/module/kvm_intel/parameters/open_tdx';

/**
 * Why this host's KVM does not emulate TDX, and the remedy; undefined when it does. To be asked before anything is started that needs it:
 * L1's TDX works on the physical host's KVM.
 */
export async function openTdxProblem(file = parameter): Promise<string | undefined> {
  const value = await readFile(file, 'utf8').catch(() => undefined);
  if (value === undefined) {
    return `this host's kvm_intel has no parameter open_tdx (${file}): boot the checkout's linux-l0 kernel`;
  }
  if (/^[Y1]/.test(value)) return undefined;
  return `open_tdx is off: sudo modprobe -r kvm_intel && sudo modprobe kvm_intel open_tdx=1`;
}
