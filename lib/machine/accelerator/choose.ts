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
  /** How long the guest that proves KVM may take, in milliseconds. Default: 30,000; 100 are usual, and a slow host with cold files needs many. */
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

/** A KVM in hardware needs about 100 ms: what takes no longer than this is not compared with anything. */
const suspiciousMs = 1_000;

/** A guest that has used so much CPU time spins, on a host on which TCG does not take more than a twentieth of it. */
const spinsAfterMs = 5_000;
const spinsAfterTimesTcg = 20;

/** A KVM in software was seen to take 27 times as long as TCG; one in a nested VM may well take twice as long, and is one. */
const slownessTimesTcg = 5;
const mostComparisons = 2;

/** KVM was asked for and cannot run a guest here. */
export class AcceleratorUnavailableError extends InfrastructureError {
  override readonly name = 'AcceleratorUnavailableError';
}

/**
 * Chooses the accelerator for a machine. KVM is taken only when guest code was seen to run to its end under it, with the CPU
 * model and machine options to be used: a /dev/kvm that opens, and even one that creates a VM, proves nothing. Unless it was asked for, one that
 * is many times slower than TCG is not taken either.
 *
 * @throws AcceleratorUnavailableError when KVM is forced and does not work
 * @throws ProcessStartError when there is no such QEMU
 */
export async function chooseAccelerator(options: AcceleratorOptions): Promise<AcceleratorChoice> {
  if (options.forced === 'tcg') return { accel: 'tcg', reason: 'TCG, as asked for', proof: 'none' };
  const { kvmDevice = '/dev/kvm', budgetMs = 30_000, cacheFolder } = options;
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
  const trial = { machine: proofMachine, wallMs: budgetMs };
  const proof = await proveKvm(trial);
  if (!proof.ran) return withoutKvm(options, `${proof.why} (${shape})`);
  const slowness = options.forced ? undefined : await slowerThanTcg(trial, proof.tookMs);
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

interface Trial {
  readonly machine: ProofMachine;
  readonly wallMs: number;
}

/** The proof. A guest that seems to spin is given as much CPU time as this host's speed asks for, before it is said to. */
async function proveKvm({ machine, wallMs }: Trial): Promise<Proof> {
  const proof = await proveAccelerator('kvm', machine, { wallMs, cpuMs: spinsAfterMs });
  if (proof.ran || !proof.spun) return proof;
  const tcg = await proveTcg({ machine, wallMs });
  const cpuMs = tcg.ran ? spinsAfterTimesTcg * tcg.tookMs : 0;
  if (cpuMs <= spinsAfterMs) return proof;
  return await proveAccelerator('kvm', machine, { wallMs: Math.max(wallMs, 2 * cpuMs), cpuMs });
}

function proveTcg({ machine, wallMs }: Trial): Promise<Proof> {
  return proveAccelerator('tcg', { ...machine, cpu: 'max' }, { wallMs });
}

/**
 * A KVM in software was seen to run the firmware in 2.7 s, where TCG took 0.1 s, and to hang in Linux's first instructions. Each is
 * judged by the best of its runs, which alternate: the first one also pays for cold files, and a busy host decides nothing.
 */
async function slowerThanTcg(trial: Trial, firstMs: number): Promise<string | undefined> {
  let kvmMs = firstMs;
  let tcgMs = Infinity;
  for (let i = 0; i < mostComparisons; i++) {
    if (kvmMs <= suspiciousMs) return undefined;
    const tcg = await proveTcg(trial);
    if (!tcg.ran) return undefined;
    tcgMs = Math.min(tcgMs, tcg.tookMs);
    if (kvmMs <= slownessTimesTcg * tcgMs) return undefined;
    const kvm = await proveKvm(trial);
    if (!kvm.ran) return kvm.why;
    kvmMs = Math.min(kvmMs, kvm.tookMs);
  }
  if (kvmMs <= Math.max(suspiciousMs, slownessTimesTcg * tcgMs)) return undefined;
  return `a guest of a few instructions took ${(kvmMs / 1000).toFixed(1)} s under KVM and ${(tcgMs / 1000).toFixed(1)} s under TCG, at best`;
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
