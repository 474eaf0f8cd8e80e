import { constants, existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { chooseAccelerator } from '../../lib/machine/accelerator/index.js';
import { referenceCpu, referenceMachine } from '../../lib/machine/plan/reference-plan.js';
import { findCommand } from '../../lib/host/find-command.js';
import { type Check, type Finding, missing, optional, ready } from './check.js';
import { may } from './tools.js';

/** A stack on TCG runs without KVM; one on hardware does not. */
export type Need = 'required' | 'optional';

/** `/dev/kvm`, proven by a guest that ran to its end under it, or why not and what to do about it. */
export function kvmCheck(need: Need, qemu: string): Check {
  const without = (seen: string, remedy: string): Finding =>
    need === 'required' ? missing(seen, remedy) : optional(`${seen}; TCG is used`, remedy);
  return {
    name: '/dev/kvm',
    look: async () => {
      if (!existsSync('/dev/kvm')) return without('there is none', await absentRemedy());
      if (!(await may('/dev/kvm', constants.R_OK | constants.W_OK))) {
        const { mode, gid } = statSync('/dev/kvm');
        const seen = `no permission for ${os.userInfo().username} (mode ${(mode & 0o777).toString(8)}, group ${gid})`;
        return without(seen, `usermod -aG kvm ${os.userInfo().username}, then log in again`);
      }
      if ((await findCommand(qemu)) === undefined)
        return without(`cannot be proven: no ${qemu}`, 'Install QEMU first.');
      // A folder of its own: nothing is taken from, or left in, the cache of proofs.
      const proofs = await mkdtemp(path.join(os.tmpdir(), 'doctor-'));
      try {
        const choice = await chooseAccelerator({
          qemu,
          machine: referenceMachine,
          cpu: referenceCpu.kvm,
          cacheFolder: proofs,
        });
        return choice.accel === 'kvm'
          ? ready(choice.reason)
          : without(
              choice.reason,
              'Run on a host whose /dev/kvm runs guests: bare metal, or a VM with nested virtualisation.',
            );
      } finally {
        await rm(proofs, { recursive: true });
      }
    },
  };
}

async function absentRemedy(): Promise<string> {
  const flags = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  if (/\bvmx\b/.test(flags)) return 'modprobe kvm_intel';
  if (/\bsvm\b/.test(flags)) return 'modprobe kvm_amd';
  return 'This CPU shows neither vmx nor svm: turn virtualisation on in the firmware, or nested virtualisation in the host.';
}
