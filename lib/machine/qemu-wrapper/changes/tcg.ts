import { foreignTcgCpu, referenceCpu } from '../../plan/reference-plan.js';
import { option, type QemuOption } from '../../qemu-command-line/index.js';
import type { Draft } from '../draft.js';
import { addKernelArguments } from './kernel-arguments.js';

/** As images/reference/launch-opentdx.sh has it under TCG. */
const accelerator = 'tcg,thread=multi';
const cpu = `${referenceCpu.tcg},${foreignTcgCpu}`;

/**
 * Turns what asks for KVM into TCG: `-enable-kvm`, `-accel kvm`, `accel=kvm` of -machine, and the CPU model `host`, which TCG does not
 * have.
 */
export function useTcg(draft: Draft, why: string): void {
  const askedForKvm = [
    ...draft.all('enable-kvm'),
    ...draft.all('accel').filter(({ value }) => /^(accel=)?kvm\b/.test(value ?? '')),
  ];
  const machines = draft
    .all('machine', 'M')
    .filter(({ value }) => /(^|,)accel=([^,]*:)?kvm\b/.test(value ?? ''));
  if (askedForKvm.length + machines.length > 0) {
    for (const machine of machines) draft.replace(machine, withoutAccelerator(machine), why);
    let tcg: QemuOption | undefined = option('accel', accelerator);
    for (const each of askedForKvm) {
      draft.replace(each, tcg, why);
      tcg = undefined;
    }
    if (tcg) draft.add(tcg, why);
    if (draft.all('kernel').length > 0) {
      const lateTicks = 'on a busy host the kernel takes ticks that come late under TCG for a broken timer';
      addKernelArguments(draft, ['no_timer_check'], lateTicks);
    }
  }
  for (const model of draft.all('cpu').filter(({ value }) => /^host(,|$)/.test(value ?? ''))) {
    draft.replace(model, option('cpu', (model.value ?? '').replace(/^host/, cpu)), why);
  }
}

function withoutAccelerator({ value = '' }: QemuOption): QemuOption {
  const properties = value.split(',').filter((property) => !property.startsWith('accel='));
  return option('machine', properties.join(','));
}
