import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { InfrastructureError } from '../../errors.js';
import { isProven, proofFile, rememberProof } from './proof-cache.js';
import { proveAccelerator, type Proof, type ProofMachine } from './prove.js';

export interface AcceleratorOptions extends ProofMachine {
  /** The user's wish. Default: KVM where it is proven, TCG elsewhere. */
  forced?: 'kvm' | 'tcg';
  /** Where a success is remembered. */
  cacheFolder: string;
  /** How long the guest that proves KVM may take, in milliseconds. Default: 3,000; 100 are usual. */
  budgetMs?: number;
  /** Default: /dev/kvm. */
  kvmDevice?: string;
}

export interface AcceleratorChoice {
  readonly accel: 'kvm' | 'tcg';
  /** One line for the report. */
  readonly reason: string;
  /** Whether guest code was seen to run to its end under it: just now, earlier in this boot of the host, or not tried. */
  readonly proof: 'now' | 'earlier' | 'none';
}

/** A KVM in hardware needs about 100 ms. */
const suspiciousMs = 1_000;

/** KVM was asked for and cannot run a guest here. */
export class AcceleratorUnavailableError extends InfrastructureError {
  override readonly name = 'AcceleratorUnavailableError';
}

/**
 * Chooses the accelerator for a machine. KVM is taken only when guest code was seen to run to its end under it, with the CPU
 * model and machine options to be used, and no slower than under TCG: a /dev/kvm that opens, and even one that creates a VM, proves nothing.
 *
 * @throws AcceleratorUnavailableError when KVM is forced and does not work
 * @throws ProcessStartError when there is no such QEMU
 */
export async function chooseAccelerator(options: AcceleratorOptions): Promise<AcceleratorChoice> {
  if (options.forced === 'tcg') return { accel: 'tcg', reason: 'TCG, as asked for', proof: 'none' };
  const { kvmDevice = '/dev/kvm', budgetMs = 3_000, cacheFolder } = options;
  const { qemu, machine, cpu, extraArguments = [] } = options;
  const proofMachine: ProofMachine = { qemu, machine, cpu, extraArguments };
  const shape = `-machine ${machine} -cpu ${cpu}`;

  const obstacle = await deviceObstacle(kvmDevice);
  if (obstacle !== undefined) return withoutKvm(options, obstacle);
  const file = await proofFile(cacheFolder, proofMachine);
  if (await isProven(file)) {
    return {
      accel: 'kvm',
      reason: `KVM: it ran a guest to its end earlier in this boot (${shape})`,
      proof: 'earlier',
    };
  }
  const proof: Proof = await proveAccelerator('kvm', proofMachine, budgetMs);
  if (!proof.ran) return withoutKvm(options, `${proof.why} (${shape})`);
  const slowness =
    proof.tookMs > suspiciousMs ? await slowerThanTcg(proof.tookMs, proofMachine, budgetMs) : undefined;
  if (slowness !== undefined) return withoutKvm(options, `${slowness} (${shape})`);
  await rememberProof(file, proofMachine);
  return { accel: 'kvm', reason: `KVM: it ran a guest to its end (${shape})`, proof: 'now' };
}

function withoutKvm({ forced }: AcceleratorOptions, why: string): AcceleratorChoice {
  if (forced === 'kvm') {
    throw new AcceleratorUnavailableError(
      `KVM was asked for and cannot run a guest here: ${why}. Without the wish for KVM, TCG is used.`,
    );
  }
  return { accel: 'tcg', reason: `TCG, because KVM cannot run a guest here: ${why}`, proof: 'none' };
}

/**
 * A KVM in software was seen to run the firmware in 2.7 s, where TCG took 0.1 s, and to hang in Linux's first instructions: what
 * does not beat TCG is no accelerator. Both are measured on the same host at the same time, so a busy host decides nothing.
 */
async function slowerThanTcg(
  kvmMs: number,
  machine: ProofMachine,
  budgetMs: number,
): Promise<string | undefined> {
  const tcg = await proveAccelerator('tcg', { ...machine, cpu: 'max' }, budgetMs);
  if (!tcg.ran || tcg.tookMs > kvmMs) return undefined;
  return `a guest of a few instructions took ${(kvmMs / 1000).toFixed(1)} s under KVM and ${(tcg.tookMs / 1000).toFixed(1)} s under TCG`;
}

/** Why KVM need not even be tried, if so. */
async function deviceObstacle(device: string): Promise<string | undefined> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return `there is no ${device}`;
    if (code === 'EACCES') return `this user may not open ${device} (its group is usually kvm)`;
    return `${device} cannot be opened (${code ?? String(error)})`;
  }
}
