import { InfrastructureError } from '../../errors.js';
import type { MachineShape } from '../plan/launch-plan.js';

/** Changes when what is in a kept machine changes. */
export const keptFormat = 2;

/** The names of what is in a kept machine, which is a tar archive. */
export const keptFiles = {
  manifest: 'manifest.json',
  state: 'state.gz',
  kernel: 'kernel.gz',
  initrd: 'initrd',
  identity: 'identity',
  knownHosts: 'known_hosts',
} as const;

/** What a kept machine is, and what another process, or another computer, needs to start it where it was. */
export interface KeptManifest {
  readonly format: number;
  /** The machine's name in messages. */
  readonly title: string;
  readonly stack: string;
  /** The test that it was kept for. */
  readonly test: string;
  readonly savedAt: string;
  /** QEMU's version in full: its streams are for the same one. */
  readonly qemu: string;
  /** SHA-256 of the launch script. */
  readonly script: string;
  /** What the guest saw of its host's CPU, where it did (KVM). */
  readonly hostCpu?: string;
  /** Whether it ran when it was saved. */
  readonly running: boolean;
  /** Whether its RAM was a file. */
  readonly ramFile: boolean;
  readonly memory: string;
  readonly vcpus: number;
  readonly shape: MachineShape;
  readonly user: string;
}

/** @throws InfrastructureError when it is none, or of another format */
export function parseManifest(text: string, file: string): KeptManifest {
  let value: Partial<KeptManifest>;
  try {
    value = JSON.parse(text) as Partial<KeptManifest>;
  } catch (error) {
    throw new InfrastructureError(
      `${file} is no kept machine: its manifest is not JSON. Name the kept-machine.tar of a report.`,
      { cause: error },
    );
  }
  if (value.format !== keptFormat) {
    throw new InfrastructureError(
      `${file} is a kept machine of format ${String(value.format)}, and this version reads format ${keptFormat}: resume it with the ` +
        'version of the project that kept it.',
    );
  }
  const { memory, vcpus, shape, qemu, user } = value;
  const sound =
    /^\d+[kmgt]?$/i.test(memory ?? '') &&
    Number.isInteger(vcpus) &&
    typeof shape?.accel === 'string' &&
    typeof shape.cpu === 'string' &&
    typeof qemu === 'string' &&
    /^[a-z_][a-z0-9_-]*$/.test(user ?? '');
  if (!sound)
    throw new InfrastructureError(
      `${file} is no kept machine: its manifest is not complete. Copy its kept-machine.tar anew.`,
    );
  return value as KeptManifest;
}
